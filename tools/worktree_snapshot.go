package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
)

func worktreeSnapshot() Tool {
	return define(Tool{
		Name:        "worktree_snapshot",
		Title:       "Snapshot a worktree",
		Description: "Keep all of a worktree but its ignored files, as it is now, for worktree_restore. Changes nothing in it.",
		Set:         Integrate,
		Quiet:       []string{"ref", "ignored_left_out", "left_out"},
	}, (*Board).WorktreeSnapshot, WorktreeSnapshotOut.text, WorktreeSnapshotOut.next)
}

// WorktreeSnapshotIn are the arguments of worktree_snapshot.
type WorktreeSnapshotIn struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty" jsonschema:"what for"`
}

// WorktreeSnapshotOut is what was kept. Lists are cut.
type WorktreeSnapshotOut struct {
	Snapshot string   `json:"snapshot" jsonschema:"what worktree_restore takes"`
	Ref      string   `json:"ref" jsonschema:"git ref that holds it; it is never pushed by itself"`
	Name     string   `json:"name"`
	Branch   string   `json:"branch,omitempty"`
	Head     string   `json:"head,omitempty"`
	Files    int      `json:"files" jsonschema:"changed and untracked ones that it holds"`
	Bytes    int64    `json:"bytes"`
	Deleted  int      `json:"deleted" jsonschema:"tracked files that were not there"`
	Ignored  []string `json:"ignored_left_out,omitempty" jsonschema:"ignored files and directories that it does not hold"`
	LeftOut  []string `json:"left_out,omitempty" jsonschema:"other things that it does not hold"`
	Omitted  int      `json:"omitted,omitempty" jsonschema:"how many there are of both"`
}

// WorktreeSnapshot keeps a worktree as it is.
func (b *Board) WorktreeSnapshot(ctx context.Context, in WorktreeSnapshotIn) (out WorktreeSnapshotOut, err error) {
	if err := checkText("note", in.Note); err != nil {
		return out, err
	}
	at, err := b.current(ctx, in.Name)
	defer func() { err = b.gone(ctx, in.Name, at, err) }()
	if err == nil {
		err = b.present(at)
	}
	if err != nil {
		return out, err
	}
	w := at.Worktree
	op, err := b.State.NewOperation()
	if err != nil {
		return out, err
	}
	defer op.Close()
	s, err := b.Git.TakeSnapshot(ctx, git.Capture{ID: op.ID, Path: w.Path, Limit: b.settings().SnapshotBytes, Meta: ops.MetaOf(w, in.Note, b.Actor)})
	if err != nil {
		return out, b.snapshotError(w, err)
	}
	err = b.update(ctx, func(tx *state.Tx) error {
		tx.Emit(state.Event{Event: state.WorktreeSnapshot, Actor: b.Actor, Task: rules.TaskFields(w.TaskID),
			Worktree: state.Fields{"name": w.Name, "path": w.Path, "snapshot": s.ID}})
		return nil
	})
	return WorktreeSnapshotOut{Snapshot: s.ID, Ref: git.SnapshotRef(s.ID), Name: w.Name, Branch: s.Branch, Head: s.Head, Files: s.Files, Bytes: s.Bytes,
		Deleted: s.Deleted, Ignored: someFiles(s.Ignored), LeftOut: someFiles(slices.Concat(s.Nested, s.LeftOut)), Omitted: s.Omitted}, err
}

func (b *Board) snapshotError(w state.Worktree, err error) error {
	switch {
	case errors.Is(err, git.ErrMounted):
		return state.Errorf(state.InUse, "unmount it, then repeat the call", "a file system is mounted in worktree %s", w.Name)
	case errors.Is(err, git.ErrNotWorktree):
		return b.notOurs(w.Path)
	}
	return ops.GitError("take a snapshot of "+w.Name, err)
}

func (out WorktreeSnapshotOut) text() string {
	text := fmt.Sprintf("snapshot %s of %s: %d files (%s), %d deleted, on top of %s (%s)",
		out.Snapshot, state.Visible(out.Name), out.Files, inBytes(out.Bytes), out.Deleted, shortID(out.Head), state.Visible(cmp.Or(out.Branch, "no branch")))
	if out.Omitted > 0 {
		text = state.Lines(text, fmt.Sprintf("it does not hold %d ignored or other things: %s", out.Omitted, state.Clip(join(slices.Concat(out.LeftOut, out.Ignored)), 300)))
	}
	return text
}

func (out WorktreeSnapshotOut) next() []Step {
	return []Step{{"make a copy of it", "worktree_restore", state.Fields{"snapshot": out.Snapshot, "name": "NEW-NAME"}}}
}
