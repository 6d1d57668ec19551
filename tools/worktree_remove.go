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
)

func worktreeRemove() Tool {
	return define(Tool{
		Name:  "worktree_remove",
		Title: "Remove a worktree",
		Description: "Close a worktree out and remove its directory; complete_task also completes its task. " +
			"Refused while it has changes, unless force. A branch with commits of its own stays.",
		Set:         Default,
		Destructive: true,
	}, (*Board).WorktreeRemove, WorktreeRemoveOut.text)
}

// WorktreeRemoveIn are the arguments of worktree_remove.
type WorktreeRemoveIn struct {
	Name         string `json:"name"`
	Force        bool   `json:"force,omitempty" jsonschema:"also with changes; they are kept in the trash"`
	CompleteTask bool   `json:"complete_task,omitempty" jsonschema:"also complete its task"`
	Reason       string `json:"reason,omitempty"`
}

// WorktreeRemoveOut tells what became of worktree, task and branch.
type WorktreeRemoveOut struct {
	Worktree      state.Worktree `json:"worktree"`
	Task          *state.Task    `json:"task,omitempty" jsonschema:"its task as it is now"`
	BranchOutcome string         `json:"branch_outcome" jsonschema:"deleted or kept"`
	BranchReason  string         `json:"branch_reason,omitempty" jsonschema:"why the branch stays"`
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
	if err != nil {
		return out, err
	}
	if home := b.worktreePath(w.Name); home != w.Path && onDisk(home) && !onDisk(w.Path) {
		return out, state.Errorf(state.Conflict, "run wt-mcp doctor --fix, then repeat the call",
			"the board says that worktree %s is at %s, but it lies at %s", w.Name, w.Path, home)
	}
	if err := b.endRuns(ctx, w, in.Force); err != nil {
		return out, err
	}
	op, err := b.State.NewOperation()
	if err != nil {
		return out, err
	}
	defer op.Close()
	plan := state.Intent{Kind: state.IntentRemove, Name: w.Name, Path: w.Path, Branch: w.Branch, BaseRef: w.BaseRef, BaseCommit: w.BaseCommit, TaskID: w.TaskID,
		Force: in.Force, CompleteTask: in.CompleteTask, Reason: in.Reason, Actor: b.Actor}
	if err := b.announceRemoval(ctx, op, &plan); err != nil {
		return out, err
	}
	rm := removeOf(plan, op)
	rm.Limit = b.settings().SnapshotBytes
	trash, gitErr := b.Git.RemoveWorktree(ctx, rm)
	ctx, cancel := lasting(ctx)
	defer cancel()
	if gitErr != nil {
		cause := removeError(plan, gitErr)
		return out, errors.Join(cause, b.forget(ctx, op, removeEvent("failed", plan, cause)))
	}
	return b.removed(ctx, op, plan, trash)
}

func removeOf(plan state.Intent, op *state.Operation) git.Remove {
	rm := git.Remove{Path: plan.Path, Op: plan.ID, Force: plan.Force, Meta: metaOf(plan)}
	if op != nil {
		rm.Inherit = append(rm.Inherit, op.File())
	}
	return rm
}

// obstacle is what git knows against a removal.
func (b *Board) obstacle(ctx context.Context, plan state.Intent) error {
	return removeError(plan, b.Git.CheckRemovable(ctx, removeOf(plan, nil)))
}

// announceRemoval says on the board what is about to go.
func (b *Board) announceRemoval(ctx context.Context, op *state.Operation, plan *state.Intent) error {
	return b.updateFree(ctx, plan.Name, plan.TaskID, func(tx *state.Tx) error {
		w, err := live(&tx.View, plan.Name)
		if err != nil {
			return err
		}
		plan.TaskID = w.TaskID
		tx.Emit(removeEvent("before", *plan, nil))
		*plan = tx.PutIntent(op, *plan)
		return nil
	}, nil)
}

// removeError says in the contract's terms why git removed nothing.
func removeError(plan state.Intent, err error) error {
	what := []string{}
	var refused *git.Refused
	if errors.As(err, &refused) {
		what = refused.What
	}
	shown := state.Visible(state.Clip(strings.Join(what, ", "), 300))
	again := fmt.Sprintf(`worktree_remove {"name":%q,"force":true}`, plan.Name)
	switch {
	case errors.Is(err, git.ErrDirty):
		return state.Errorf(state.Dirty, "commit them in "+plan.Path+", or call "+again+", which keeps them in the trash",
			"worktree %s has %d uncommitted or untracked: %s", plan.Name, len(what), shown).With("files", someFiles(what))
	case errors.Is(err, git.ErrSubmodules):
		return state.Errorf(state.Dirty, "look into them for work, then call "+again, "worktree %s has submodules: %s", plan.Name, shown).With("files", someFiles(what))
	case errors.Is(err, git.ErrUnmerged):
		return state.Errorf(state.Unmerged, "give them a branch (git branch NAME in the worktree), or call "+again+", which keeps them under a ref",
			"the detached HEAD of worktree %s has commits that no branch, tag or remote has: %s", plan.Name, shown)
	case errors.Is(err, git.ErrOperation):
		return state.Errorf(state.Conflict, "end it (--continue or --abort) in "+plan.Path+", or call "+again,
			"a %s is under way in worktree %s", shown, plan.Name).With("operation", shown)
	case errors.Is(err, git.ErrLocked):
		return state.Errorf(state.InUse, "ask whoever locked it; git worktree unlock "+plan.Path+" ends the lock, and "+again+" overrides it",
			"worktree %s is locked: %s", plan.Name, shown).With("reason", shown)
	case errors.Is(err, git.ErrMounted):
		return state.Errorf(state.InUse, "unmount it, then call "+again+"; what is mounted there is not the worktree's to delete",
			"a file system is mounted in worktree %s: %s", plan.Name, shown).With("mounts", someFiles(what))
	case errors.Is(err, git.ErrNotWorktree):
		return notOurs(plan.Path)
	}
	return gitError("remove worktree "+plan.Name, err)
}

// removed puts the removal on the board, completes or unbinds the task, and
// deletes the branch if all of it is elsewhere.
func (b *Board) removed(ctx context.Context, op *state.Operation, plan state.Intent, trash git.Trash) (out WorktreeRemoveOut, err error) {
	out.BranchOutcome, out.BranchReason = b.dropBranch(ctx, plan)
	err = b.update(ctx, func(tx *state.Tx) error {
		tx.DropIntent(op)
		w, ok, err := tx.Worktree(plan.Name)
		if err != nil {
			return err
		}
		if !ok || !w.Live() { // another program dropped the entry meanwhile
			w = state.Worktree{Name: plan.Name, Path: plan.Path, Branch: plan.Branch, TaskID: plan.TaskID, BaseRef: plan.BaseRef}
		}
		end := &state.Closeout{Action: "remove", Reason: plan.Reason, At: tx.At()}
		if out.Task, err = b.letGo(tx, w, plan, end); err != nil {
			return err
		}
		w.Status, w.RemovedAt, w.Closeout = state.Removed, tx.At(), end
		tx.PutWorktree(w)
		tx.Emit(removeEvent("after", plan, nil))
		out.Worktree = w
		return nil
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
		err = errors.Join(err, b.Git.SweepTrash(ctx, filepath.Dir(b.worktreePath("x")), git.Keep{Before: before, Bytes: set.TrashBytes}),
			b.Git.DropSnapshots(ctx, before))
		if err != nil {
			b.Log.Warn("empty the trash", "error", err)
		}
	})
}

// letGo completes the task of a worktree that is gone, or takes the worktree out of it.
func (b *Board) letGo(tx *state.Tx, w state.Worktree, plan state.Intent, end *state.Closeout) (*state.Task, error) {
	if w.TaskID == nil {
		return nil, nil
	}
	t, err := tx.Task(*w.TaskID)
	if state.CodeOf(err) == state.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	bound := strings.EqualFold(t.Worktree, w.Name)
	if bound {
		t.Worktree = ""
	}
	if plan.CompleteTask && t.Status.Open() {
		return b.complete(tx, w, t, end), nil
	}
	if bound {
		t = tx.PutTask(t)
	}
	return &t, nil
}

// dropBranch deletes the branch if the board made it and no commit is on it
// alone, and says why not.
func (b *Board) dropBranch(ctx context.Context, plan state.Intent) (outcome, reason string) {
	branch := plan.Branch
	oid, ok, err := b.Git.Branch(ctx, branch)
	switch {
	case err != nil:
		return "kept", reasonOf(err)
	case !ok:
		return "deleted", ""
	}
	if made, err := b.made(ctx, plan); err != nil || !made {
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
// lost and found again does not say so, the branch's reflog does.
func (b *Board) made(ctx context.Context, plan state.Intent) (bool, error) {
	if plan.BaseRef != "" && plan.Branch == branchOf(plan.Name) {
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
	e := state.Event{Event: "worktree.remove." + phase, Actor: plan.Actor, Task: taskFields(plan.TaskID),
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
	if out.BranchReason != "" {
		text += ": " + out.BranchReason
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
