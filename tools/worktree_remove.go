package tools

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/rules"
)

func worktreeRemove() Tool {
	return define(Tool{
		Name:  "worktree_remove",
		Title: "Remove a worktree",
		Description: "Close a worktree out and remove its directory; complete_task also completes its task. " +
			"Refused while it has changes, unless force, and while something runs there. A branch with commits of its own stays.",
		Set:         Default,
		Destructive: true,
	}, (*Board).WorktreeRemove, WorktreeRemoveOut.text)
}

// WorktreeRemoveIn are the arguments of worktree_remove.
type WorktreeRemoveIn struct {
	Name         string      `json:"name"`
	Force        bool        `json:"force,omitempty" jsonschema:"also with changes; they are kept in the trash"`
	CompleteTask bool        `json:"complete_task,omitempty" jsonschema:"also complete its task"`
	Reason       string      `json:"reason,omitempty"`
	Claim        state.Token `json:"claim,omitzero"`
}

// WorktreeRemoveOut tells what became of worktree, task and branch.
type WorktreeRemoveOut struct {
	Worktree      state.Worktree `json:"worktree"`
	Task          *state.Task    `json:"task,omitempty" jsonschema:"its task as it is now"`
	BranchOutcome string         `json:"branch_outcome" jsonschema:"deleted or kept"`
	BranchReason  string         `json:"branch_reason,omitempty" jsonschema:"why the branch stays"`
	Unlanded      *Unlanded      `json:"unlanded,omitempty" jsonschema:"what of a branch that stays is not in its target yet"`
	Landed        string         `json:"landed,omitempty" jsonschema:"how the target has the work of a branch that stays: ancestor, squash, …"`
	Snapshot      string         `json:"snapshot,omitempty" jsonschema:"what worktree_restore takes"`
	Trash         string         `json:"trash,omitempty" jsonschema:"where uncommitted, untracked and ignored files are now"`
	TrashUntil    string         `json:"trash_until,omitempty" jsonschema:"when they may be deleted; the snapshot stays"`
	TrashBytes    int64          `json:"trash_bytes,omitempty"`
	TrashRef      string         `json:"trash_ref,omitempty" jsonschema:"ref that holds what no branch holds, but for ignored files"`
	LeftOut       []string       `json:"left_out,omitempty" jsonschema:"what only the trash holds, not the snapshot"`

	size string // of the trash, for people
}

// WorktreeRemove removes a worktree; nothing that is not elsewhere is destroyed.
func (b *Board) WorktreeRemove(ctx context.Context, in WorktreeRemoveIn) (out WorktreeRemoveOut, err error) {
	if err := checkText("reason", in.Reason); err != nil {
		return out, err
	}
	w, err := b.entry(ctx, in.Name)
	if err == nil {
		err = b.hold(ctx, w, in.Claim)
	}
	if err == nil {
		err = b.prime(ctx, in.CompleteTask)
	}
	if err != nil {
		return out, err
	}
	if home := b.worktreePath(w.Name); home != w.Path && onDisk(home) && !onDisk(w.Path) {
		return out, state.Errorf(state.Conflict, "run wt-mcp doctor --fix, then repeat the call",
			"the board says that worktree %s is at %s, but it lies at %s", w.Name, w.Path, home)
	}
	op, err := b.State.NewOperation()
	if err != nil {
		return out, err
	}
	defer op.Close()
	plan := state.Intent{Kind: state.IntentRemove, Name: w.Name, Path: w.Path, Branch: w.Branch, BaseRef: w.BaseRef, BaseCommit: w.BaseCommit,
		Adopted: w.Adopted, TaskID: w.TaskID,
		Force: in.Force, CompleteTask: in.CompleteTask, Reason: in.Reason, Actor: b.Actor}
	if err := b.announceRemoval(ctx, op, &plan, in.Claim); err != nil {
		return out, err
	}
	trash, cause := b.takeAway(ctx, op, w, plan)
	ctx, cancel := lasting(ctx)
	defer cancel()
	var stranded *git.Stranded
	if errors.As(cause, &stranded) {
		return out, errors.Join(cause, b.strand(ctx, op, plan, stranded.Snapshot, cause))
	}
	if cause != nil {
		return out, errors.Join(cause, b.forget(ctx, op, removeEvent("failed", plan, cause)))
	}
	out, err = b.removed(ctx, op, plan, trash)
	done := fmt.Sprintf(`worktree %s was removed (worktree_restore {"snapshot":%q} undoes it)`, plan.Name, trash.Snapshot.ID)
	return out, unrecorded(done, err)
}

func removeOf(plan state.Intent, op *state.Operation) git.Remove {
	rm := git.Remove{Path: plan.Path, Op: plan.ID, Force: plan.Force, Meta: metaOf(plan)}
	if op != nil {
		rm.Inherit = append(rm.Inherit, op.File())
	}
	return rm
}

// takeAway removes a worktree's directory unless something stands against it,
// before or at the last moment. By now no run begins there any more.
func (b *Board) takeAway(ctx context.Context, op *state.Operation, w state.Worktree, plan state.Intent) (git.Trash, error) {
	standing, err := b.standing(ctx, w, w.Path)
	if err != nil {
		return git.Trash{}, err
	}
	if len(standing) > 0 {
		all, err := b.reasons(ctx, w, standing, plan.Force)
		return git.Trash{}, errors.Join(refusal(all), err)
	}
	rm := removeOf(plan, op)
	rm.Limit = b.settings().SnapshotBytes
	rm.Last = func(files string) error {
		came, err := b.standing(ctx, w, files)
		return errors.Join(refusal(came), err)
	}
	trash, err := b.Git.RemoveWorktree(ctx, rm)
	return trash, removeError(plan, err)
}

// strand puts a removal on the board that failed with the files in the trash. The
// branch stays, and the task is not completed.
func (b *Board) strand(ctx context.Context, op *state.Operation, plan state.Intent, snapshot string, cause error) error {
	return b.update(ctx, func(tx *state.Tx) error {
		tx.DropIntent(op)
		e := removeEvent("failed", plan, cause)
		w, ok, err := tx.Worktree(plan.Name)
		if err == nil && ok && w.Live() {
			_, _, err = b.rules().CloseOut(tx, w, rules.Removal{Reason: plan.Reason, Snapshot: snapshot}, &e)
			e.Worktree["status"] = state.Removed
		}
		tx.Emit(e)
		return err
	})
}

// announceRemoval says on the board what is about to go.
func (b *Board) announceRemoval(ctx context.Context, op *state.Operation, plan *state.Intent, claim state.Token) error {
	return b.updateFree(ctx, plan.Name, plan.TaskID, func(tx *state.Tx) error {
		w, err := live(&tx.View, plan.Name)
		if err != nil {
			return err
		}
		if err := b.rules().EnterWorktree(tx, w, claim); err != nil {
			return err
		}
		plan.TaskID = w.TaskID
		tx.Emit(removeEvent("before", *plan, nil))
		*plan = tx.PutIntent(op, *plan)
		return nil
	}, nil)
}

// removed puts the removal on the board, completes or unbinds the task, and
// deletes the branch if all of it is elsewhere.
func (b *Board) removed(ctx context.Context, op *state.Operation, plan state.Intent, trash git.Trash) (out WorktreeRemoveOut, err error) {
	out.BranchOutcome, out.BranchReason = b.dropBranch(ctx, plan, trash.Snapshot)
	if out.BranchOutcome == "kept" {
		out.Unlanded, out.Landed = b.landing(ctx, plan)
	}
	err = b.update(ctx, func(tx *state.Tx) error {
		tx.DropIntent(op)
		w, ok, err := tx.Worktree(plan.Name)
		if err != nil {
			return err
		}
		if !ok || !w.Live() { // another program dropped the entry meanwhile
			w = state.Worktree{Name: plan.Name, Path: plan.Path, Branch: plan.Branch, TaskID: plan.TaskID, BaseRef: plan.BaseRef}
		}
		told := removeEvent("after", plan, nil)
		out.Worktree, out.Task, err = b.rules().CloseOut(tx, w, removalOf(plan, trash.Snapshot.ID), &told)
		tx.Emit(told)
		return err
	})
	if out.Task != nil {
		*out.Task = fitTask(*out.Task, smallResult/2)
	}
	out.Worktree = fitWorktree(out.Worktree)
	out.tellTrash(trash, b.settings())
	if err == nil {
		b.tidy(trash)
	}
	return out, err
}

func removalOf(plan state.Intent, snapshot string) rules.Removal {
	as := rules.Removal{Reason: plan.Reason, Snapshot: snapshot}
	if plan.CompleteTask {
		as.Complete = plan.TaskID
	}
	return as
}

// settings are those in effect; a file that is broken is told by runs, and must
// not keep anything else from working.
func (b *Board) settings() config.Settings {
	set, err := b.Config.Load()
	if err != nil {
		b.Log.Warn("read the configuration", "error", err)
		return config.Defaults()
	}
	return set
}

// tellTrash says how the worktree comes back, and until when with everything.
func (out *WorktreeRemoveOut) tellTrash(trash git.Trash, set config.Settings) {
	s := trash.Snapshot
	out.Snapshot = s.ID
	if s.ID != "" && (!s.Plain || s.Detached) {
		out.TrashRef = git.SnapshotRef(s.ID)
	}
	if !trash.Precious {
		return
	}
	out.Trash, out.TrashBytes = filepath.Join(trash.Dir, "files"), trash.Bytes
	out.TrashUntil = time.Now().Add(set.KeepTrash).UTC().Format(time.RFC3339)
	out.size = inBytes(trash.Bytes)
	out.LeftOut = someFiles(slices.Concat(s.Nested, s.LeftOut, s.Ignored))
}

// inBytes says a size for people.
func inBytes(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// tidy deletes, behind the answer, a worktree that had nothing of its own, trash
// that is old enough or too much, and the snapshots that hold nothing.
func (b *Board) tidy(trash git.Trash) {
	b.shared.background.Go(func() {
		ctx, cancel := lasting(context.Background())
		defer cancel()
		var err error
		if !trash.Precious {
			err = b.Git.EmptyTrash(ctx, trash)
		}
		set := b.settings()
		before := time.Now().Add(-set.KeepTrash)
		err = errors.Join(err, b.Git.SweepTrash(ctx, filepath.Dir(b.worktreePath("x")), git.Keep{Before: before, Bytes: set.TrashBytes, Busy: b.atWork(ctx)}),
			b.Git.DropSnapshots(ctx, before))
		if err != nil {
			b.Log.Warn("empty the trash", "error", err)
		}
	})
}

// atWork tells the ids of operations that are going on, and of the snapshots that
// they restore from. Where the board cannot be read all are.
func (b *Board) atWork(ctx context.Context) func(id string) bool {
	return func(id string) bool {
		busy := b.State.Going(id)
		err := b.State.View(ctx, func(v *state.View) error {
			intents, err := v.Intents()
			busy = busy || slices.ContainsFunc(intents, func(in state.Intent) bool { return in.ID == id || in.Snapshot == id })
			return err
		})
		return busy || err != nil
	}
}

// dropBranch deletes the branch if the board made it, the worktree was on it in the
// end and no commit is on it alone, and says why not.
func (b *Board) dropBranch(ctx context.Context, plan state.Intent, last git.Snapshot) (outcome, reason string) {
	branch := plan.Branch
	if branch == "" {
		return "kept", "HEAD was detached, there is none"
	}
	oid, ok, err := b.Git.Branch(ctx, branch)
	switch {
	case err != nil:
		return "kept", reasonOf(err)
	case !ok:
		return "deleted", ""
	}
	if plan.Adopted {
		return "kept", "its worktree was adopted"
	}
	if last.ID != "" && (last.Detached || last.Branch != branch) {
		return "kept", "the worktree was not on it when it was removed"
	}
	if made, err := b.made(ctx, plan, last.ID != ""); err != nil || !made {
		return "kept", strings.TrimSpace("the board did not make it " + reasonOf(err))
	}
	own, err := b.Git.UniqueCommits(ctx, oid, branch)
	if err != nil || own > 0 {
		return "kept", strings.TrimSpace(fmt.Sprintf("%d commits are on it alone %s", own, reasonOf(err)))
	}
	if err := b.Git.DeleteBranch(ctx, branch, oid); err != nil {
		return "kept", reasonOf(err)
	}
	return "deleted", ""
}

// made reports whether the board made the branch of a worktree. An entry that was
// lost and found again does not say so, the branch's reflog does; nor does one whose
// worktree was not known to be on the branch.
func (b *Board) made(ctx context.Context, plan state.Intent, wasOn bool) (bool, error) {
	if wasOn && plan.BaseRef != "" && plan.Branch == branchOf(plan.Name) {
		return true, nil
	}
	return b.Git.BranchMarked(ctx, plan.Branch)
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return state.Visible(state.Clip(err.Error(), 200))
}

func removeEvent(phase string, plan state.Intent, cause error) state.Event {
	e := state.Event{Event: "worktree.remove." + phase, Actor: plan.Actor, Task: rules.TaskFields(plan.TaskID),
		Worktree: state.Fields{"name": plan.Name, "path": plan.Path}}
	if phase == "after" {
		e.Worktree["status"] = state.Removed
	}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

func (out WorktreeRemoveOut) text() string {
	text := lines(WorktreeLine(out.Worktree), fmt.Sprintf("branch %s %s", out.Worktree.Branch, out.BranchOutcome))
	if out.Worktree.Branch == "" {
		text = WorktreeLine(out.Worktree)
	} else if out.BranchReason != "" {
		text += ": " + out.BranchReason
	}
	if u := out.Unlanded; u != nil {
		text = lines(text, fmt.Sprintf("%s not in %s yet: git merge %s there, or a pull request, lands them", counted(u.Commits, "commit"), state.Visible(u.Target), state.Visible(out.Worktree.Branch)))
	}
	if out.Landed != "" {
		text = lines(text, "its work has landed: "+out.Landed)
	}
	if out.Task != nil {
		text = lines(text, TaskLine(*out.Task))
	}
	if out.Trash != "" {
		text = lines(text, fmt.Sprintf("its files (%s) stay until %s at %s", out.size, out.TrashUntil, state.Visible(out.Trash)))
	}
	if out.Snapshot != "" {
		text = lines(text, fmt.Sprintf(`undo: worktree_restore {"snapshot":%q}`, out.Snapshot))
	}
	return text
}
