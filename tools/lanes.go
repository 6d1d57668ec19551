package tools

import (
	"context"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// LaneAt is the name of the worktree that is said by its branch or by a path, its own or
// one within it; empty where it is none on the board.
func (b *Board) LaneAt(ctx context.Context, said string) (name string) {
	_ = b.State.View(ctx, func(v *state.View) (err error) {
		name, err = rules.LaneAt(v, said)
		return err
	})
	return name
}

// LaneOf is the worktree that a task is done in; empty where it has none.
func (b *Board) LaneOf(ctx context.Context, task int) (name string) {
	_ = b.State.View(ctx, func(v *state.View) error {
		t, err := v.Task(task)
		if err == nil {
			name = t.Worktree
		}
		return err
	})
	return name
}

// Lanes are the names of the live worktrees.
func (b *Board) Lanes(ctx context.Context) (names []string) {
	_ = b.State.View(ctx, func(v *state.View) error {
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() {
				names = append(names, w.Name)
			}
		}
		return err
	})
	return names
}
