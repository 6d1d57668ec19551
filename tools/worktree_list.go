package tools

import (
	"context"
	"fmt"
	"os"
	"strings"

	"wt-mcp/state"
)

func worktreeList() Tool {
	return define(Tool{
		Name:        "worktree_list",
		Title:       "List worktrees",
		Description: "List the worktrees on the board, and those that git knows but the board does not (untracked).",
		Set:         Default,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeList, WorktreeListOut.text)
}

// WorktreeListIn are the arguments of worktree_list.
type WorktreeListIn struct {
	Status state.WorktreeStatus `json:"status,omitempty" enum:"active,kept,removed"`
	Limit  int                  `json:"limit,omitempty" jsonschema:"default 50" min:"1" max:"500"`
	Cursor string               `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// Untracked is a worktree that git knows and the board does not.
type Untracked struct {
	Path   string `json:"path"`
	Branch string `json:"branch,omitempty"`
	Head   string `json:"head,omitempty"`
}

// WorktreeListOut is a page of the registry beside what git says.
type WorktreeListOut struct {
	Worktrees  []state.Worktree `json:"worktrees"`
	Untracked  []Untracked      `json:"untracked"`
	Missing    []string         `json:"missing,omitempty" jsonschema:"names whose directory is gone"`
	NextCursor string           `json:"next_cursor,omitempty"`
}

// WorktreeList reads the registry and asks git.
func (b *Board) WorktreeList(ctx context.Context, in WorktreeListIn) (WorktreeListOut, error) {
	out := WorktreeListOut{Worktrees: []state.Worktree{}, Untracked: []Untracked{}}
	var all []state.Worktree
	err := b.State.View(ctx, func(v *state.View) (err error) {
		all, err = v.Worktrees()
		return err
	})
	if err != nil {
		return out, err
	}
	if err := out.fill(all, in); err != nil {
		return out, err
	}
	for _, w := range out.Worktrees {
		if _, err := os.Lstat(w.Path); w.Live() && os.IsNotExist(err) {
			out.Missing = append(out.Missing, w.Name)
		}
	}
	if in.Cursor == "" && (in.Status == "" || in.Status == state.Active) {
		out.Untracked, err = b.untracked(ctx, all)
	}
	return out, err
}

// fill takes the page behind the cursor, which is the name of an entry.
func (out *WorktreeListOut) fill(all []state.Worktree, in WorktreeListIn) error {
	p := newPage(in.Limit, 50)
	skipping := in.Cursor != ""
	for _, w := range all {
		if skipping {
			skipping = !strings.EqualFold(w.Name, in.Cursor)
			continue
		}
		if in.Status != "" && w.Status != in.Status {
			continue
		}
		w = fitWorktree(w)
		if !p.take(w, len(out.Worktrees) == 0) {
			out.NextCursor = out.Worktrees[len(out.Worktrees)-1].Name
			return nil
		}
		out.Worktrees = append(out.Worktrees, w)
	}
	if skipping {
		return invalid("cursor", "begin again without it", "%q is no worktree of the board", state.Clip(in.Cursor, 40))
	}
	return nil
}

// maxUntracked bounds the list of worktrees that others made.
const maxUntracked = 20

func (b *Board) untracked(ctx context.Context, known []state.Worktree) ([]Untracked, error) {
	list, err := b.Git.Worktrees(ctx)
	if err != nil {
		return nil, gitError("list worktrees", err)
	}
	onBoard := map[string]bool{}
	for _, w := range known {
		if w.Live() {
			onBoard[w.Path] = true
		}
	}
	out := []Untracked{}
	for i, g := range list {
		if i == 0 || g.Bare || onBoard[g.Path] || g.BeingAdded() || len(out) == maxUntracked {
			continue
		}
		out = append(out, Untracked{Path: g.Path, Branch: g.Branch, Head: g.Head})
	}
	return out, nil
}

func (out WorktreeListOut) text() string {
	var b strings.Builder
	if len(out.Worktrees) == 0 {
		b.WriteString("No worktrees on the board.\n")
	}
	missing := map[string]bool{}
	for _, name := range out.Missing {
		missing[name] = true
	}
	for _, w := range out.Worktrees {
		b.WriteString(WorktreeLine(w))
		if missing[w.Name] {
			b.WriteString(" DIRECTORY MISSING")
		}
		b.WriteString("\n")
	}
	for _, u := range out.Untracked {
		fmt.Fprintf(&b, "[untracked] %s (%s)\n", state.Visible(u.Path), state.Visible(u.Branch))
	}
	if out.NextCursor != "" {
		fmt.Fprintf(&b, "more: worktree_list with cursor=%q\n", out.NextCursor)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
