package tools

import (
	"context"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func taskBindWorktree() Tool {
	return define(Tool{
		Name:        "task_bind_worktree",
		Title:       "Bind a task to a worktree",
		Description: "Give a task an existing worktree to be done in; a pending task becomes in_progress. A task has one worktree, a worktree one open task.",
		Set:         Default,
		Idempotent:  true,
		Quiet:       quietTask(""),
	}, (*Board).TaskBindWorktree, taskLine)
}

// TaskBindWorktreeIn are the arguments of task_bind_worktree.
type TaskBindWorktreeIn struct {
	TaskID   int         `json:"task_id" min:"1"`
	Worktree string      `json:"worktree" jsonschema:"its name"`
	Owner    string      `json:"owner,omitempty" jsonschema:"who does it"`
	Claim    state.Token `json:"claim,omitzero"`
}

// TaskBindWorktree writes the binding on both sides at once.
func (b *Board) TaskBindWorktree(ctx context.Context, in TaskBindWorktreeIn) (t state.Task, err error) {
	if err := checkLine("owner", in.Owner, maxOwner); err != nil {
		return t, err
	}
	if err := b.prime(ctx, true); err != nil {
		return t, err
	}
	err = b.ops().Clear(ctx, in.Worktree, &in.TaskID, func(tx *state.Tx) error {
		old, err := b.rules().Enter(tx, in.TaskID, in.Claim)
		if err != nil {
			return err
		}
		if err := rules.Bindable(&tx.View, old); err != nil {
			return err
		}
		t = old
		w, err := rules.Live(&tx.View, in.Worktree)
		if err != nil {
			return ofArgument("worktree", err)
		}
		if bound := w.TaskID != nil && *w.TaskID == t.ID && t.Worktree == w.Name; bound && t.Status == state.InProgress && (in.Owner == "" || in.Owner == t.Owner) {
			return nil
		}
		if err := rules.Unbound(&tx.View, w, t.ID); err != nil {
			return err
		}
		if in.Owner != "" {
			t.Owner = in.Owner
		}
		if t, err = rules.Bind(tx, t, w); err != nil {
			return err
		}
		tx.Emit(state.Event{Event: state.WorktreeBind, Actor: b.Actor,
			Task:     rules.InEvent(t.ID, t.Subject, t.Status),
			Worktree: state.Fields{"name": w.Name, "path": w.Path}, Detail: rules.WithChanges(nil, old, t)})
		return nil
	})
	return fitTask(t, smallResult), err
}
