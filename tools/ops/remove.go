package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// Remove asks for a worktree to be taken away.
type Remove struct {
	Worktree     state.Worktree
	Head         string // the commit that its HEAD has to be at; "" for any
	Force        bool
	CompleteTask bool
	Reason       string
	Claim        state.Token

	// Check refuses what stands against the removal, once no run begins there any
	// more; Last again at the last moment, of the files where they are then. Word says
	// in the contract's terms what git refused.
	Check func(context.Context) error
	Last  func(ctx context.Context, files string) error
	Word  func(error) error
}

// Removed is what became of it.
type Removed struct {
	Worktree state.Worktree
	Task     *state.Task // as it is now
	Trash    git.Trash
	Branch   BranchEnd
}

// BranchEnd says what became of the branch of a removed worktree.
type BranchEnd struct {
	Kept bool
	Why  string // where it is kept
}

// Remove takes a worktree away; nothing that is not elsewhere is destroyed.
func (o Ops) Remove(ctx context.Context, ask Remove) (Removed, error) {
	r := &removal{Ops: o, Remove: ask}
	err := o.run(ctx, r)
	done := fmt.Sprintf(`worktree %s was removed (worktree_restore {"snapshot":%q} undoes it)`, ask.Worktree.Name, r.out.Trash.Snapshot.ID)
	return r.out, unrecorded(done, err)
}

type removal struct {
	Ops
	Remove
	mark
	out Removed
}

func (o Ops) removalOf(in state.Intent) kind {
	return &removal{Ops: o, Remove: Remove{Worktree: worktreeOf(in), Force: in.Force, CompleteTask: in.CompleteTask, Reason: in.Reason}, mark: mark{in}}
}

func (r *removal) plan() state.Intent {
	in := intentOf(state.IntentRemove, r.Worktree, r.Rules.Actor)
	in.Force, in.CompleteTask, in.Reason = r.Force, r.CompleteTask, r.Reason
	return in
}

// announce says on the board what is about to go.
func (r *removal) announce(tx *state.Tx) (against, err error) {
	w, err := rules.Live(&tx.View, r.Worktree.Name)
	if err != nil {
		return nil, err
	}
	if err := r.Rules.EnterWorktree(tx, w, r.Claim); err != nil {
		return nil, err
	}
	r.Worktree.TaskID = w.TaskID
	tx.Emit(r.event(state.WorktreeRemoveBefore, nil))
	return nil, nil
}

func (r *removal) act(ctx context.Context, op *state.Operation) (err error) {
	if err := r.Check(ctx); err != nil {
		return err
	}
	rm := r.remove(op)
	rm.Last = func(files string) error { return r.Last(ctx, files) }
	r.out.Trash, err = r.Git.RemoveWorktree(ctx, rm)
	if err != nil {
		return r.Word(err)
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	r.out.Branch = r.dropBranch(ctx)
	return nil
}

func (r *removal) remove(op *state.Operation) git.Remove {
	return git.Remove{Path: r.Worktree.Path, Op: r.ID, Head: r.Head, Force: r.Force, Limit: r.Limit(), Inherit: []*os.File{op.File()},
		Meta: MetaOf(r.Worktree, r.Reason, r.actor())}
}

// finish goes on with a removal that took the directory away, and drops one that had
// not yet. What lies at its path by now stays.
func (r *removal) finish(ctx context.Context, op *state.Operation) (err error) {
	if err := r.clearLocks(ctx); err != nil {
		return stays{r.unfinished(err)}
	}
	r.out.Trash, err = r.Git.FinishRemove(ctx, r.remove(op))
	if errors.Is(err, git.ErrPathExists) {
		return r.died("nothing was removed", nil)
	}
	if err != nil {
		return stays{r.unfinished(err)}
	}
	if _, err := os.Lstat(r.Worktree.Path); err == nil {
		r.Log.Warn("finished an interrupted removal; what somebody made at its path since stays", "worktree", r.Worktree.Name, "path", r.Worktree.Path, "trash", r.out.Trash.Dir)
	}
	r.out.Branch = r.dropBranch(ctx)
	return nil
}

func (r *removal) clearLocks(ctx context.Context) error {
	err := r.Git.ClearSnapshotLock(ctx, r.ID, state.Time(r.At))
	if err == nil && r.Worktree.Branch != "" {
		err = r.Git.ClearBranchLocks(ctx, r.Worktree.Branch, state.Time(r.At))
	}
	return err
}

func (r *removal) unfinished(err error) error {
	return GitError("finish the interrupted removal of "+r.Worktree.Name, err)
}

// settle puts the removal on the board, and completes or unbinds the task.
func (r *removal) settle(tx *state.Tx) error {
	w, ok, err := tx.Worktree(r.Worktree.Name)
	if err != nil {
		return err
	}
	if !ok || !w.Live() { // another program dropped the entry meanwhile
		w = state.Worktree{Name: r.Worktree.Name, Path: r.Worktree.Path, Branch: r.Worktree.Branch, TaskID: r.Worktree.TaskID, BaseRef: r.Worktree.BaseRef}
	}
	as := rules.Removal{Reason: r.Reason, Snapshot: r.out.Trash.Snapshot.ID}
	if r.CompleteTask {
		as.Complete = r.Worktree.TaskID
	}
	told := r.event(state.WorktreeRemoveAfter, nil)
	r.out.Worktree, r.out.Task, err = r.Rules.CloseOut(tx, w, as, &told)
	tx.Emit(told)
	return err
}

// fail tells why nothing was removed. Of a removal that failed with the files in the
// trash it says on the board that the worktree is gone: the branch stays, and the task
// is not completed.
func (r *removal) fail(tx *state.Tx, cause error) (err error) {
	e := r.event(state.WorktreeRemoveFailed, cause)
	var stranded *git.Stranded
	if errors.As(cause, &stranded) {
		var w state.Worktree
		var ok bool
		if w, ok, err = tx.Worktree(r.Worktree.Name); err == nil && ok && w.Live() {
			_, _, err = r.Rules.CloseOut(tx, w, rules.Removal{Reason: r.Reason, Snapshot: stranded.Snapshot}, &e)
			e.Worktree["status"] = state.Removed
		}
	}
	tx.Emit(e)
	return err
}

func (r *removal) follow(context.Context, bool) { r.Removed(r.out.Trash) }

func (r *removal) event(name state.EventName, cause error) state.Event {
	e := state.Event{Event: name, Actor: r.actor(), Task: rules.TaskFields(r.Worktree.TaskID),
		Worktree: state.Fields{"name": r.Worktree.Name, "path": r.Worktree.Path}}
	if name == state.WorktreeRemoveAfter {
		e.Worktree["status"] = state.Removed
	}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

func (r *removal) actor() string { return r.actorOr(r.Rules.Actor) }

// dropBranch deletes the branch if the board made it, the worktree was on it in the
// end and no commit is on it alone, or all of it landed by squash or rebase and the
// snapshot keeps the commits. It says why not.
func (r *removal) dropBranch(ctx context.Context) BranchEnd {
	kept := func(format string, args ...any) BranchEnd {
		return BranchEnd{Kept: true, Why: strings.TrimSpace(fmt.Sprintf(format, args...))}
	}
	branch, last := r.Worktree.Branch, r.out.Trash.Snapshot
	if branch == "" {
		return kept("HEAD was detached, there is none")
	}
	oid, ok, err := r.Git.Branch(ctx, branch)
	switch {
	case err != nil:
		return kept("%s", reasonOf(err))
	case !ok:
		return BranchEnd{}
	}
	if r.Worktree.Adopted {
		return kept("its worktree was adopted")
	}
	if last.ID != "" && (last.Detached || last.Branch != branch) {
		return kept("the worktree was not on it when it was removed")
	}
	if made, err := r.made(ctx, last.ID != ""); err != nil || !made {
		return kept("the board did not make it %s", reasonOf(err))
	}
	own, err := r.Git.UniqueCommits(ctx, oid, branch)
	if err != nil {
		return kept("it is not known whether commits are on it alone: %s", reasonOf(err))
	}
	if own > 0 {
		if landed, err := r.landed(ctx, oid); err != nil || !landed {
			return kept("%d commits are on it alone %s", own, reasonOf(err))
		}
	}
	if err := r.Git.DeleteBranch(ctx, branch, oid); err != nil {
		return kept("%s", reasonOf(err))
	}
	return BranchEnd{}
}

// landed reports whether what the branch has landed as it is, and still is landed, and
// the snapshot of the worktree keeps its commits.
func (r *removal) landed(ctx context.Context, oid string) (bool, error) {
	var as state.Landing
	err := r.State.View(ctx, func(v *state.View) error {
		w, ok, err := v.Worktree(r.Worktree.Name)
		if err == nil && ok && w.Landed != nil && w.Landed.Head == oid && w.Landed.Undone == "" {
			as, _, err = v.Landing(w.Landed.Landing)
		}
		return err
	})
	if err != nil || as.Branch != r.Worktree.Branch || r.out.Trash.Snapshot.ID == "" {
		return false, err
	}
	tip, ok, err := r.Git.Branch(ctx, short(as.Target))
	if err != nil || !ok {
		return false, err
	}
	if in, err := r.Git.Contains(ctx, tip, as.After); err != nil || !in {
		return false, err
	}
	return r.Git.SnapshotHolds(ctx, r.out.Trash.Snapshot.ID, oid)
}

// made reports whether the board made the branch of a worktree. An entry that was
// lost and found again does not say so, the branch's reflog does; nor does one whose
// worktree was not known to be on the branch.
func (r *removal) made(ctx context.Context, wasOn bool) (bool, error) {
	if wasOn && r.Worktree.BaseRef != "" && r.Worktree.Branch == BranchOf(r.Worktree.Name) {
		return true, nil
	}
	return r.Git.BranchMarked(ctx, r.Worktree.Branch)
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return state.Visible(state.Clip(err.Error(), 200))
}
