package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/ops"
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
	Unknown       string         `json:"unknown,omitempty" jsonschema:"why it cannot be told whether its commits have landed"`
	Landed        string         `json:"landed,omitempty" jsonschema:"how the target has the work of a branch that stays: ancestor, squash, …"`
	Snapshot      string         `json:"snapshot,omitempty" jsonschema:"what worktree_restore takes"`
	Trash         string         `json:"trash,omitempty" jsonschema:"where uncommitted, untracked and ignored files are now"`
	TrashUntil    string         `json:"trash_until,omitempty" jsonschema:"when they may be deleted; the snapshot stays"`
	TrashBytes    int64          `json:"trash_bytes,omitempty"`
	TrashRef      string         `json:"trash_ref,omitempty" jsonschema:"ref that holds what no branch holds, but for ignored files"`
	LeftOut       []string       `json:"left_out,omitempty" jsonschema:"what only the trash holds, not the snapshot"`

	Note string `json:"note,omitempty" jsonschema:"what the board had otherwise"`

	size string // of the trash, for people
	head string // what was checked out: a branch, or a commit where HEAD was detached
}

// WorktreeRemove removes a worktree; nothing that is not elsewhere is destroyed.
func (b *Board) WorktreeRemove(ctx context.Context, in WorktreeRemoveIn) (out WorktreeRemoveOut, err error) {
	if err := checkText("reason", in.Reason); err != nil {
		return out, err
	}
	at, err := b.current(ctx, in.Name)
	w := at.Worktree
	if err == nil && at.elsewhere() {
		err = b.present(at)
	}
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
	gone, err := b.ops().Remove(ctx, ops.Remove{Worktree: w, Force: in.Force, CompleteTask: in.CompleteTask, Reason: in.Reason, Claim: in.Claim,
		Check: func(ctx context.Context) error { return b.checkStanding(ctx, w, in.Force) },
		Last:  func(ctx context.Context, files string) error { return b.checkLast(ctx, w, files) },
		Word:  func(err error) error { return b.removeError(w, err) }})
	if err != nil {
		return out, err
	}
	out = b.removed(ctx, w, gone)
	out.Note = at.note
	return out, nil
}

// checkStanding refuses what stands against a removal before it begins, with
// everything else that does.
func (b *Board) checkStanding(ctx context.Context, w state.Worktree, force bool) error {
	standing, err := b.standing(ctx, w, w.Path)
	if err != nil || len(standing) == 0 {
		return err
	}
	all, err := b.reasons(ctx, w, standing, force)
	return errors.Join(refusal(all), err)
}

// checkLast refuses who came in at the last moment.
func (b *Board) checkLast(ctx context.Context, w state.Worktree, files string) error {
	came, err := b.standing(ctx, w, files)
	return errors.Join(refusal(came), err)
}

// removed says what became of worktree, task and branch.
func (b *Board) removed(ctx context.Context, w state.Worktree, gone ops.Removed) (out WorktreeRemoveOut) {
	ctx, cancel := lasting(ctx)
	defer cancel()
	out.BranchOutcome, out.BranchReason = "deleted", gone.Branch.Why
	if gone.Branch.Kept {
		out.BranchOutcome = "kept"
		out.head = headOf(w, gone.Trash.Snapshot)
		var err error
		if out.Unlanded, out.Landed, err = b.landing(ctx, out.head, w.BaseRef); err != nil {
			out.Unknown = "whether its commits have landed cannot be told: " + state.Visible(state.Clip(err.Error(), 200))
		}
	}
	out.Worktree = fitWorktree(gone.Worktree)
	out.Worktree.Branch = cmp.Or(w.Branch, out.Worktree.Branch)
	if gone.Task != nil {
		t := fitTask(*gone.Task, smallResult/2)
		out.Task = &t
	}
	out.tellTrash(gone.Trash, b.settings())
	return out
}

// headOf is what a worktree had checked out in the end: a branch, or the commit of a
// detached HEAD.
func headOf(w state.Worktree, last git.Snapshot) string {
	switch {
	case last.ID == "":
		return w.Branch
	case last.Branch == "" || last.Detached && last.Branch != w.Branch:
		return last.Head
	}
	return last.Branch
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
	out.Trash, out.TrashBytes = trash.Files, trash.Bytes
	out.TrashUntil = time.Now().Add(set.KeepTrash).UTC().Format(time.RFC3339)
	out.size = inBytes(trash.Bytes)
	out.LeftOut = someFiles(slices.Concat(s.Nested, s.LeftOut, s.Ignored))
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
		err = errors.Join(err, b.Git.SweepTrash(ctx, b.worktreesDir(), git.Keep{Before: before, Bytes: set.TrashBytes, Busy: b.atWork(ctx)}),
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

func (out WorktreeRemoveOut) text() string {
	text := state.Lines(WorktreeLine(out.Worktree), state.Visible(out.Note))
	if out.Worktree.Branch != "" {
		text = state.Lines(text, fmt.Sprintf("branch %s %s", state.Visible(out.Worktree.Branch), out.BranchOutcome))
		if out.BranchReason != "" {
			text += ": " + out.BranchReason
		}
	}
	if u := out.Unlanded; u != nil {
		text = state.Lines(text, fmt.Sprintf("%s not in %s yet: git merge %s there, or a pull request, lands them", counted(u.Commits, "commit"), state.Visible(u.Target), state.Visible(out.head)))
	}
	if out.Landed != "" {
		text = state.Lines(text, "its work has landed: "+out.Landed)
	}
	text = state.Lines(text, out.Unknown)
	if out.Task != nil {
		text = state.Lines(text, TaskLine(*out.Task))
	}
	if out.Trash != "" {
		text = state.Lines(text, fmt.Sprintf("its files (%s) stay until %s at %s", out.size, out.TrashUntil, state.Visible(out.Trash)))
	}
	if out.Snapshot != "" {
		text = state.Lines(text, fmt.Sprintf(`undo: worktree_restore {"snapshot":%q}`, out.Snapshot))
	}
	return text
}
