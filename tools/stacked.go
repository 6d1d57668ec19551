package tools

import (
	"context"
	"slices"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// mostStacked is how many lanes stand on each other.
const mostStacked = 20

// beneath is where the work of a lane lands that was made from a branch: there, or where
// that has landed itself, if it is gone or has had nothing new since.
func (b *Board) beneath(ctx context.Context, branch string) (string, error) {
	for range mostStacked {
		if !strings.HasPrefix(branch, ops.BranchOf("")) {
			break
		}
		landed, err := b.landingOf(ctx, branch)
		if err != nil || landed.ID == "" {
			return branch, err
		}
		tip, there, err := b.Git.Branch(ctx, branch)
		if err != nil {
			return branch, ops.GitError("look up branch "+branch, err)
		}
		if there && tip != landed.Head {
			if another, err := b.madeSince(ctx, branch, landed.At); err != nil || !another {
				return branch, err
			}
		}
		branch = branchName(landed.Target)
	}
	return branch, nil
}

// madeSince reports whether a branch is that of a worktree which was made later than at:
// another one has its name.
func (b *Board) madeSince(ctx context.Context, branch string, at float64) (made bool, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		all, err := v.Worktrees()
		made = slices.ContainsFunc(all, func(w state.Worktree) bool { return w.Live() && w.Branch == branch && w.CreatedAt > at })
		return err
	})
	return made, err
}

// stacked finds what the lane has of another one that it was made from, where the target
// has that in another form, by squash or rebase: it is not to land again.
func (m *merging) stacked(ctx context.Context) error {
	parent := strings.TrimPrefix(destination(m.at.Worktree), "refs/heads/")
	if m.in.strategy == state.StrategyFF || !strings.HasPrefix(parent, ops.BranchOf("")) {
		return nil
	}
	below, err := m.landingOf(ctx, parent)
	if err != nil || below.ID == "" {
		return err
	}
	since, err := m.leaves(ctx, below)
	if err != nil || !since {
		return ops.GitError("compare worktree "+m.at.Name+" with what it was made from", err)
	}
	m.below = &below
	return nil
}

// leaves reports whether a landing brought commits of the lane into the target in another
// form, which it has not taken up since.
func (m *merging) leaves(ctx context.Context, below state.Landing) (bool, error) {
	in, err := m.Git.Contains(ctx, m.target.Tip, below.After)
	if err != nil || !in {
		return false, err
	}
	base, err := m.Git.MergeBase(ctx, below.Head, m.status.Head)
	if err != nil || base == "" {
		return false, err
	}
	if in, err = m.Git.Contains(ctx, m.target.Tip, base); err != nil || in {
		return false, err
	}
	if m.in.strategy == state.StrategyRebase {
		return true, nil
	}
	in, err = m.Git.Contains(ctx, m.status.Head, below.After)
	return !in, err
}

// landingOf is the last landing of a branch that was not taken back.
func (b *Board) landingOf(ctx context.Context, branch string) (last state.Landing, err error) {
	if branch == "" {
		return last, nil
	}
	err = b.State.View(ctx, func(v *state.View) error {
		all, err := v.Landings()
		for _, l := range all {
			if l.Branch == branch && l.Undone == "" && l.Undoes == "" {
				last = l
			}
		}
		return err
	})
	return last, err
}
