package tools

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
)

// entry is the entry of [Board.current].
func (b *Board) entry(ctx context.Context, name string) (state.Worktree, error) {
	at, err := b.current(ctx, name)
	return at.Worktree, err
}

// current is see for a change: the board is put right first where git or the disk
// has something else than it says. An entry that another program dropped is written
// anew, one of a worktree that was moved or put on another branch is corrected. The
// entry of one with a detached HEAD keeps its branch.
func (b *Board) current(ctx context.Context, name string) (at whereabouts, err error) {
	at, err = b.see(ctx, name)
	if b.ReadOnly {
		return at, err
	}
	if err == nil {
		if err := b.runner().FinishCommit(ctx, at.Worktree); err != nil {
			return at, err
		}
	}
	if state.CodeOf(err) == state.NotFound {
		if mended, mendErr := b.reconcile(ctx, name); mendErr == nil && mended {
			at, err = b.see(ctx, name)
		}
	}
	if err != nil || at.kind == "" {
		return at, err
	}
	err = b.settle(ctx, &at)
	return at, err
}

// settle writes where a worktree is by now, unless that takes a decision.
func (b *Board) settle(ctx context.Context, at *whereabouts) error {
	was, event := at.was, state.RecoveryMoved
	switch at.kind {
	case isCarried:
		if err := b.Git.Relink(ctx, at.Path); err != nil {
			return ops.GitError("repair worktree "+at.Name, err)
		}
		*at = b.onBranch(ctx, *at)
	case isMoved:
	case isSwitched:
		event = state.RecoveryBranch
	case isDetached:
		at.Branch = was.Branch
		return nil
	default:
		return nil
	}
	if at.Branch == "" {
		at.Branch = was.Branch
	}
	at.kind, at.next = "", ""
	return b.update(ctx, func(tx *state.Tx) error {
		w, ok, err := tx.Worktree(at.Name)
		if err != nil || !ok || !w.Live() || w.Path != was.Path || w.Branch != was.Branch {
			return err // somebody else changed it meanwhile
		}
		w.Path, w.Branch = at.Path, at.Branch
		tx.PutWorktree(w)
		tx.Emit(state.Event{Event: event, Actor: b.Actor, Task: rules.TaskFields(w.TaskID),
			Worktree: state.Fields{"name": w.Name, "path": w.Path, "branch": w.Branch, "status": w.Status}})
		return nil
	})
}

// lookUp returns the live entry of a worktree as the board has it.
func (b *Board) lookUp(ctx context.Context, name string) (w state.Worktree, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		w, err = rules.Live(v, name)
		return err
	})
	return w, err
}

// gone is what an error of a look at a worktree means where the worktree went away,
// or was made anew, meanwhile.
func (b *Board) gone(ctx context.Context, name string, was whereabouts, err error) error {
	if err == nil || !slices.Contains([]state.Code{state.GitFailed, state.Internal, state.Conflict}, state.CodeOf(err)) {
		return err
	}
	now, lost := b.see(ctx, name)
	if state.CodeOf(lost) == state.NotFound {
		return lost
	}
	here := b.present(now)
	if lost == nil && (now.CreatedAt != was.CreatedAt || state.CodeOf(here) == state.NotFound || here == nil && b.present(was) != nil) {
		return state.Errorf(state.Busy, "repeat the call", "worktree %s is being moved, removed or made", state.Clip(name, 60))
	}
	return err
}

func onDisk(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reconcile writes an entry anew that the registry has lost.
func (b *Board) reconcile(ctx context.Context, name string) (mended bool, err error) {
	if state.CheckName(name) != nil {
		return false, nil
	}
	findings, err := b.Diagnose(ctx)
	if err != nil {
		return false, err
	}
	var mine []Finding
	for _, f := range findings {
		if strings.EqualFold(f.Subject, name) && f.Mendable() && f.Kind == "lost" {
			mine = append(mine, f)
		}
	}
	_, err = b.Mend(ctx, mine)
	return len(mine) > 0, err
}

// maxUntracked bounds the list of worktrees that others made.
const maxUntracked = 20

// untracked are those that are neither on the board nor at one of the places.
func (b *Board) untracked(k known, places []string) []Untracked {
	out := []Untracked{}
	for i, g := range k.trees {
		if i == 0 || g.Bare || k.taken(g.Path) || slices.Contains(places, g.Path) || g.BeingAdded() || len(out) == maxUntracked {
			continue
		}
		u := Untracked{Path: g.Path, Branch: g.Branch, Head: g.Head, Locked: g.Locked}
		if _, added := b.Git.Touched(g.Path); !added.IsZero() {
			u.AgeSeconds = seconds(time.Since(added))
		}
		out = append(out, u)
	}
	return out
}

// Untracked is a worktree that git knows and the board does not.
type Untracked struct {
	Path       string  `json:"path"`
	Branch     string  `json:"branch,omitempty"`
	Head       string  `json:"head,omitempty"`
	Locked     bool    `json:"locked,omitempty"`
	AgeSeconds float64 `json:"age_seconds,omitempty"`
}
