package tools

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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
		Set: Default,
		Quiet: append(quietTask("task"), "trash_bytes", "trash_ref", "worktree.path", "worktree.task_id", "worktree.removed_at",
			"worktree.base_ref", "worktree.base_commit", "worktree.closeout"),
		Destructive: true,
	}, (*Board).WorktreeRemove, WorktreeRemoveOut.text, WorktreeRemoveOut.next)
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
	at, gone, err := b.remove(ctx, ops.Remove{Worktree: state.Worktree{Name: in.Name}, Force: in.Force, CompleteTask: in.CompleteTask, Reason: in.Reason, Claim: in.Claim})
	if err != nil {
		return out, err
	}
	out = b.removed(ctx, at.Worktree, gone)
	out.BranchReason = strings.TrimPrefix(out.BranchReason+b.leftBehind(ctx, at), "; ")
	out.Note = at.note
	return out, nil
}

// leftBehind says of the branch that the board had the worktree on, where the worktree
// is on another one by now, that it stays; nothing where it is gone.
func (b *Board) leftBehind(ctx context.Context, at whereabouts) string {
	was := at.was.Branch
	if was == "" || was == at.Branch {
		return ""
	}
	if _, there, err := b.Git.Branch(ctx, was); err == nil && !there {
		return ""
	}
	return fmt.Sprintf("; %s stays too: the worktree was not on it when it was removed", state.Visible(was))
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
		if out.Unlanded, out.Landed, err = b.landing(ctx, out.head, destination(w)); err != nil {
			out.Unknown = "whether its commits have landed cannot be told: " + state.Visible(state.Clip(err.Error(), 200))
		}
	}
	out.Worktree = fitWorktree(gone.Worktree)
	out.Worktree.Branch = cmp.Or(w.Branch, out.Worktree.Branch)
	if gone.Task != nil {
		t := fitTask(*gone.Task, smallResult/2)
		t.Closeout = nil // the worktree's says it
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

func (out WorktreeRemoveOut) text() string {
	text := state.Lines(WorktreeLine(out.Worktree), state.Visible(out.Note))
	if out.Worktree.Branch != "" {
		text = state.Lines(text, fmt.Sprintf("branch %s %s", state.Visible(out.Worktree.Branch), out.BranchOutcome))
		if out.BranchReason != "" {
			text += ": " + out.BranchReason
		}
	}
	if u := out.Unlanded; u != nil {
		text = state.Lines(text, fmt.Sprintf("%s not in %s yet", counted(u.Commits, "commit"), state.Visible(u.Target)))
	}
	if out.Landed != "" {
		text = state.Lines(text, "its work has landed: "+out.Landed)
	}
	text = state.Lines(text, out.Unknown)
	if out.Task != nil {
		text = state.Lines(text, taskLine(*out.Task))
	}
	if out.Trash != "" {
		text = state.Lines(text, fmt.Sprintf("its files (%s) stay until %s at %s", out.size, out.TrashUntil, state.Visible(out.Trash)))
	}
	return state.Lines(text, tail("only there: ", state.Visible(join(out.LeftOut))))
}

// next is how to land what has not landed, and how to have all of it back.
func (out WorktreeRemoveOut) next() (steps []Step) {
	if u := out.Unlanded; u != nil {
		steps = append(steps, Step{Why: state.Visible(fmt.Sprintf("land them: git merge %s in %s, or a pull request", out.head, u.Target))})
	}
	if out.Snapshot != "" {
		steps = append(steps, Step{"undo", "worktree_restore", state.Fields{"snapshot": out.Snapshot}})
	}
	return steps
}
