package tools

import (
	"context"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// binding asks for a task to be done in a worktree that is there.
type binding struct {
	task     int
	worktree string
	owner    string // empty: as it is
	claim    state.Token
}

// bind writes both sides at once, and starts a pending task.
func (b *Board) bind(ctx context.Context, in binding) (t state.Task, err error) {
	if err := b.prime(ctx, true); err != nil {
		return t, err
	}
	err = b.ops().Clear(ctx, in.worktree, &in.task, func(tx *state.Tx) error {
		old, err := b.rules().Enter(tx, in.task, in.claim)
		if err != nil {
			return err
		}
		if err := rules.Bindable(&tx.View, old); err != nil {
			return err
		}
		t = old
		w, err := rules.Live(&tx.View, in.worktree)
		if err != nil {
			return ofArgument("worktree", err)
		}
		if bound := w.TaskID != nil && *w.TaskID == t.ID && t.Worktree == w.Name; bound && t.Status == state.InProgress && (in.owner == "" || in.owner == t.Owner) {
			return nil
		}
		if err := rules.Unbound(&tx.View, w, t.ID); err != nil {
			return err
		}
		if in.owner != "" {
			t.Owner = in.owner
		}
		if t, err = rules.Bind(tx, t, w); err != nil {
			return err
		}
		tx.Emit(state.Event{Event: state.WorktreeBind, Actor: b.Actor,
			Task:     rules.InEvent(t.ID, t.Subject, t.Status),
			Worktree: state.Fields{"name": w.Name, "path": w.Path}, Detail: rules.WithChanges(nil, old, t)})
		return nil
	})
	return t, err
}
