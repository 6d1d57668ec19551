package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// undoLanding takes a landing back by a new commit on its target.
func (b *Board) undoLanding(ctx context.Context, in wish) (out MergedWorktree, err error) {
	was, err := b.findLanding(ctx, in)
	if err != nil {
		return out, err
	}
	out = MergedWorktree{Status: statusNothing, Target: strings.TrimPrefix(was.Target, "refs/heads/"), Strategy: state.StrategyUndo, Undoes: was.ID, DryRun: in.dry, name: was.Name}
	if was.Undone != "" {
		out.How = "by landing " + was.Undone
		return out, nil
	}
	target, err := b.Git.FindTarget(ctx, was.Target)
	if err != nil {
		return out, targetError(state.Worktree{Name: was.Name}, was.Target, true, err)
	}
	lane := state.Worktree{Name: was.Name, Branch: was.Branch, TaskID: was.TaskID}
	m := &merging{Board: b, in: in, at: whereabouts{Worktree: lane}, target: target, came: func() {}, out: out}
	m.in.strategy = state.StrategyUndo
	m.status.Head, m.status.Branch = was.After, was.Branch
	if in.dry {
		err := m.undo(ctx, was)
		return m.out, err
	}
	return b.goOn(ctx, m, func(ctx context.Context) error { return m.undo(ctx, was) })
}

// findLanding finds what a landing did, and lists the newest where there is none.
func (b *Board) findLanding(ctx context.Context, in wish) (was state.Landing, err error) {
	var known []state.Landing
	var found bool
	err = b.State.View(ctx, func(v *state.View) (err error) {
		if was, found, err = v.Landing(in.undo); err == nil && !found {
			known, err = v.Landings()
		}
		return err
	})
	switch {
	case err != nil:
		return was, err
	case found && strings.EqualFold(was.Name, in.name):
		return was, nil
	case found:
		return was, state.Invalid("undo", fmt.Sprintf(`call worktree_merge {"name":%q,"undo":%q}`, was.Name, was.ID), "%s is a landing of worktree %s", was.ID, was.Name)
	}
	names := []string{}
	for i := len(known) - 1; i >= 0 && len(names) < 8; i-- {
		if strings.EqualFold(known[i].Name, in.name) {
			names = append(names, fmt.Sprintf("%s (%s in %s)", known[i].ID, known[i].Strategy, known[i].Short().Target))
		}
	}
	hint := "nothing of that worktree has landed through wt-mcp"
	if len(names) > 0 {
		hint = "pass one of its newest: " + join(names)
	}
	return was, state.Errorf(state.NotFound, hint, "undo: there is no landing %q", state.Clip(in.undo, 60)).With("argument", "undo").With("landings", names)
}

// undo lands the commit that takes a landing back.
func (m *merging) undo(ctx context.Context, was state.Landing) error {
	w := words{Undo: &was}
	ask := ops.Land{Worktree: m.at.Worktree, Head: was.After, Strategy: state.StrategyUndo, Undo: &was, Claim: m.in.claim, Words: w.say}
	if m.in.dry {
		return m.forecast(ctx, ask)
	}
	if err := m.land(ctx, ask, w); err != nil {
		return err
	}
	if was.Strategy == state.StrategyMerge || was.Strategy == state.StrategyFF {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("the commits of %s stay in the history of %s: to land them again use strategy squash, or undo this landing", was.Name, m.out.Target))
	}
	if was.TaskID != nil {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("task %d stays as it is", *was.TaskID))
	}
	return nil
}

// undoWords are the message of a commit that takes a landing back.
func undoWords(was state.Landing) string {
	what := fmt.Sprintf("Undo the landing of %s", was.Name)
	if was.Strategy == state.StrategyUndo {
		what = fmt.Sprintf("Undo the undoing of a landing of %s", was.Name)
	}
	return fmt.Sprintf("%s\n\nThis takes back what came with %s, as landing %s.\n", what, was.After, was.ID)
}

// takenBack finds the lane's last landing, if that left its commits in the target's
// history and was taken back since: a merge would find nothing to land.
func (m *merging) takenBack(ctx context.Context) error {
	last := m.at.Landed
	if last == nil || last.Undone == "" || last.Target != m.target.Branch() || last.Strategy != state.StrategyMerge && last.Strategy != state.StrategyFF {
		return nil
	}
	err := m.State.View(ctx, func(v *state.View) error {
		l, ok, err := v.Landing(last.Landing)
		if m.undone = nil; ok {
			m.undone = &l
		}
		return err
	})
	if err != nil || m.undone == nil {
		return err
	}
	base, err := m.Git.MergeBase(ctx, m.undone.Before, m.undone.Head)
	if err != nil || base == "" {
		return ops.GitError("find where worktree "+m.at.Name+" began", err)
	}
	n, err := m.Git.Lacks(ctx, base, m.status.Head)
	m.again = &ops.Again{Base: base, Commits: n}
	return ops.GitError("count the commits of worktree "+m.at.Name, err)
}
