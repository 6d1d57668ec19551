package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
)

func worktreeList() Tool {
	return define(Tool{
		Name:        "worktree_list",
		Title:       "List worktrees",
		Description: "List the worktrees on the board, and those that git knows but the board does not (untracked).",
		Set:         Default,
		Quiet:       []string{"worktrees.age_seconds", "worktrees.base_ref", "worktrees.base_commit", "worktrees.closeout.action", "missing"},
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeList, WorktreeListOut.text, WorktreeListOut.next)
}

// WorktreeListIn are the arguments of worktree_list.
type WorktreeListIn struct {
	Status state.WorktreeStatus `json:"status,omitempty" enum:"active,kept,removed"`
	Limit  int                  `json:"limit,omitempty" jsonschema:"default 50" min:"1" max:"500"`
	Cursor string               `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// ListedWorktree is an entry with what the disk says of a live one.
type ListedWorktree struct {
	state.Worktree
	vitals
}

// vitals are what an entry itself does not say.
type vitals struct {
	AgeSeconds   float64 `json:"age_seconds,omitempty"`
	LastActivity float64 `json:"last_activity,omitempty" jsonschema:"epoch seconds: git, its top directory, or a run"`
	Bytes        *int64  `json:"bytes,omitempty" jsonschema:"on disk; absent until it was counted"`
	BytesAt      float64 `json:"bytes_at,omitempty" jsonschema:"when it was counted"`
	BytesAtLeast bool    `json:"bytes_at_least,omitempty" jsonschema:"not all could be counted"`
	Note         string  `json:"note,omitempty" jsonschema:"what the board has otherwise"`

	kind string // of whereabouts
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (l ListedWorktree) MarshalJSON() ([]byte, error) { return joined(l.Worktree, l.vitals) }

func (l ListedWorktree) line() string {
	line := strings.TrimSuffix(WorktreeLine(l.Worktree)+", "+l.Use(), ", ")
	switch {
	case l.kind == isGone:
		line += strings.Replace(l.Note, "its directory is gone", " DIRECTORY MISSING", 1)
	case l.Note != "":
		line += "; " + l.Note
	}
	if end := l.Closeout; end != nil {
		line += tail("; ", end.Reason) + tail("; snapshot ", end.Snapshot)
	}
	return state.Visible(line)
}

// Use says how large a live worktree is and when it was last used, as far as that
// is known: 4.2 MB, used 3 h ago.
func (l ListedWorktree) Use() string {
	var parts []string
	if l.Bytes != nil {
		parts = append(parts, map[bool]string{true: "over "}[l.BytesAtLeast]+size(*l.Bytes))
	}
	if l.LastActivity > 0 {
		parts = append(parts, "used "+ago(time.Since(state.Time(l.LastActivity))))
	}
	return join(parts)
}

// WorktreeListOut is a page of the registry beside what git says.
type WorktreeListOut struct {
	Worktrees  []ListedWorktree `json:"worktrees"`
	Untracked  []Untracked      `json:"untracked"`
	Missing    []string         `json:"missing,omitempty" jsonschema:"names whose directory is gone"`
	NextCursor string           `json:"next_cursor,omitempty"`
	Problem    string           `json:"problem,omitempty" jsonschema:"why the registry cannot be read: untracked is then all that git knows"`

	asked WorktreeListIn
}

// WorktreeList reads the registry and asks git.
func (b *Board) WorktreeList(ctx context.Context, in WorktreeListIn) (WorktreeListOut, error) {
	out := WorktreeListOut{Worktrees: []ListedWorktree{}, Untracked: []Untracked{}, asked: in}
	var all []state.Worktree
	err := b.State.View(ctx, func(v *state.View) (err error) {
		all, err = v.Worktrees()
		return err
	})
	if errors.Is(err, state.ErrIndex) {
		out.Problem = problem(err)
	} else if err != nil {
		return out, err
	}
	k, err := b.known(ctx, all)
	if err != nil {
		return out, err
	}
	if err := out.fill(all, in, b.vitals(ctx, k)); err != nil {
		return out, err
	}
	b.measure()
	var places []string
	for _, l := range out.Worktrees {
		places = append(places, l.Path)
		if l.kind == isGone {
			out.Missing = append(out.Missing, l.Name)
		}
	}
	if in.Cursor == "" && (in.Status == "" || in.Status == state.Active) {
		out.Untracked = b.untracked(k, places)
	}
	return out, nil
}

// vitals gives a function that looks at the disk for an entry: where it is by now, and
// how it is used; no scan.
func (b *Board) vitals(ctx context.Context, k known) func(state.Worktree) ListedWorktree {
	sizes, runs, now := b.sizes(), b.Runs.Last(), time.Now()
	return func(w state.Worktree) ListedWorktree {
		l := ListedWorktree{Worktree: fitWorktree(w)}
		if !w.Live() {
			return l
		}
		at := b.find(ctx, k, w)
		w.Path, w.Branch = at.Path, at.Branch
		l.Path, l.Branch, l.Note, l.kind = at.Path, at.Branch, at.told(), at.kind
		l.AgeSeconds = seconds(now.Sub(state.Time(w.CreatedAt)))
		l.LastActivity = state.Seconds(b.lastActivity(w, runs))
		if s, ok := sizes[w.Path]; ok {
			l.Bytes, l.BytesAt, l.BytesAtLeast = &s.Bytes, s.At, s.AtLeast
		}
		return l
	}
}

// fill takes the page behind the cursor, which is the name of an entry.
func (out *WorktreeListOut) fill(all []state.Worktree, in WorktreeListIn, vitals func(state.Worktree) ListedWorktree) error {
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
		l := vitals(w)
		if !p.take(l, len(out.Worktrees) == 0) {
			out.NextCursor = out.Worktrees[len(out.Worktrees)-1].Name
			return nil
		}
		out.Worktrees = append(out.Worktrees, l)
	}
	if skipping {
		return state.Invalid("cursor", "begin again without it", "%q is no worktree of the board", state.Clip(in.Cursor, 40))
	}
	return nil
}

func (out WorktreeListOut) text() string {
	var b strings.Builder
	if out.Problem != "" {
		fmt.Fprintf(&b, "%s\nWhat git knows:\n", out.Problem)
	} else if len(out.Worktrees) == 0 {
		b.WriteString("No worktrees on the board.\n")
	}
	for _, w := range out.Worktrees {
		b.WriteString(w.line() + "\n")
	}
	for _, u := range out.Untracked {
		fmt.Fprintf(&b, "[untracked] %s (%s)", state.Visible(u.Path), state.Visible(u.Branch))
		if u.Locked {
			b.WriteString(" locked")
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// next is the page behind this one, and what takes in a worktree that is not on the board.
func (out WorktreeListOut) next() (steps []Step) {
	if out.NextCursor != "" {
		again := out.asked
		again.Cursor = out.NextCursor
		steps = append(steps, Step{"more", "worktree_list", again})
	}
	if len(out.Untracked) > 0 {
		steps = append(steps, Step{"take in an untracked one", "worktree_adopt", state.Fields{"path": out.Untracked[0].Path}})
	}
	return steps
}
