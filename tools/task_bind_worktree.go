package tools

import (
	"context"

	"wt-mcp/state"
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
	t, err = b.bind(ctx, binding{in.TaskID, in.Worktree, in.Owner, in.Claim})
	return fitTask(t, smallResult), err
}
