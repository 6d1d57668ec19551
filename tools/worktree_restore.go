package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

func worktreeRestore() Tool {
	return define(Tool{
		Name:        "worktree_restore",
		Title:       "Restore a worktree",
		Description: "Undo worktree_remove, or make a copy from worktree_snapshot: files, index, branch and task as they were. Overwrites nothing.",
		Set:         Integrate,
		Quiet:       []string{"base_ref", "base_commit", "snapshot"},
	}, (*Board).WorktreeRestore, WorktreeRestoreOut.text)
}

// WorktreeRestoreIn are the arguments of worktree_restore.
type WorktreeRestoreIn struct {
	Snapshot string      `json:"snapshot" jsonschema:"as worktree_remove or worktree_snapshot answered it"`
	Name     string      `json:"name,omitempty" jsonschema:"another name than it had"`
	Claim    state.Token `json:"claim,omitzero"`
}

// WorktreeRestoreOut is the entry, and where the worktree is not what it was.
type WorktreeRestoreOut struct {
	state.Worktree
	restoration
}

type restoration struct {
	Snapshot      string   `json:"snapshot"`
	From          string   `json:"from" jsonschema:"trash: with everything; snapshot: without ignored files"`
	BranchOutcome string   `json:"branch_outcome" jsonschema:"same, new or detached"`
	Notes         []string `json:"notes" jsonschema:"where it is not as it was"`
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (out WorktreeRestoreOut) MarshalJSON() ([]byte, error) {
	return joined(out.Worktree, out.restoration)
}

// WorktreeRestore brings a worktree back and binds its task again. It says on the
// board what git is about to do, lets git do it, and puts the outcome there.
func (b *Board) WorktreeRestore(ctx context.Context, in WorktreeRestoreIn) (out WorktreeRestoreOut, err error) {
	s, err := b.Git.Snapshot(ctx, in.Snapshot)
	if err != nil {
		return out, b.unknownSnapshot(ctx, in.Snapshot, err)
	}
	ask, err := b.planRestore(in, s)
	if err != nil {
		return out, err
	}
	if err := b.prime(ctx, ask.Worktree.TaskID != nil); err != nil {
		return out, err
	}
	back, err := b.ops().Restore(ctx, ask)
	if err != nil {
		return out, err
	}
	out = WorktreeRestoreOut{back.Worktree, restoration{Snapshot: s.ID, From: "snapshot", BranchOutcome: branchOutcome(back.Restored), Notes: someFiles(back.Notes)}}
	if back.FromTrash {
		out.From = "trash"
	}
	return out, nil
}

// planRestore reads what the board once knew of the worktree. The snapshot may
// have been made by hand: nothing of it is used unchecked.
func (b *Board) planRestore(in WorktreeRestoreIn, s git.Snapshot) (ask ops.Restore, err error) {
	var meta ops.Meta
	if json.Unmarshal(s.Meta, &meta) != nil || meta.Name == "" {
		meta = ops.Meta{Name: filepath.Base(s.Path)}
	}
	if path := b.Git.RestoredFrom(s.ID); path != "" && in.Name == "" {
		return ask, state.Errorf(state.AlreadyExists, "work there; to have a second copy pass a name of its own",
			"snapshot %s was restored already: %s", s.ID, path).With("path", path)
	}
	name := in.Name
	if name == "" {
		name = meta.Name
	}
	if err := state.CheckName(name); err != nil {
		return ask, err
	}
	return ops.Restore{Snapshot: s.ID, Claim: in.Claim, Worktree: state.Worktree{Name: name, Path: b.worktreePath(name), Branch: meta.Branch,
		BaseRef: meta.BaseRef, BaseCommit: meta.BaseCommit, Target: meta.Target, Adopted: meta.Adopted, TaskID: meta.TaskID}}, nil
}

func branchOutcome(back git.Restored) string {
	switch {
	case back.Branch == back.Snapshot.Branch, back.Snapshot.Detached:
		return "same"
	case back.Branch == "":
		return "detached"
	}
	return "new"
}

// unknownSnapshot lists the newest snapshots there are.
func (b *Board) unknownSnapshot(ctx context.Context, id string, cause error) error {
	if !errors.Is(cause, git.ErrNoSnapshot) && !errors.Is(cause, git.ErrInvalidName) {
		return ops.GitError("find snapshot", cause)
	}
	list, err := b.Git.Snapshots(ctx)
	if err != nil {
		return ops.GitError("list snapshots", err)
	}
	known := []string{}
	for _, s := range list[:min(len(list), 8)] {
		var meta ops.Meta
		if json.Unmarshal(s.Meta, &meta) != nil || meta.Name == "" {
			meta.Name = filepath.Base(s.Path)
		}
		known = append(known, fmt.Sprintf("%s (%s, taken %s)", s.ID, state.Visible(state.Clip(meta.Name, 40)), s.At.Format(time.RFC3339)))
	}
	hint := "there are none yet: worktree_snapshot takes one, and worktree_remove does"
	if len(known) > 0 {
		hint = "pass one of the newest: " + strings.Join(known, ", ")
	}
	return state.Errorf(state.NotFound, hint, "there is no snapshot %q", state.Clip(id, 60)).With("snapshots", known)
}

func (out WorktreeRestoreOut) text() string {
	text := state.Lines(WorktreeLine(out.Worktree), fmt.Sprintf("restored from the %s; branch: %s", out.From, out.BranchOutcome))
	for _, note := range out.Notes {
		text = state.Lines(text, "note: "+note)
	}
	return text
}
