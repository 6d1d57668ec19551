package tools

import (
	"context"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func taskCreate() Tool {
	return define(Tool{
		Name:        "task_create",
		Title:       "Create a task",
		Description: "Put a task on the repository's shared board. Every agent on this repository sees it; it outlives the session.",
		Set:         Default,
		Core:        true,
		Quiet:       quietTask(""),
	}, (*Board).TaskCreate, taskLine)
}

// TaskCreateIn are the arguments of task_create.
type TaskCreateIn struct {
	Subject     string   `json:"subject" jsonschema:"what is to be done, on one line"`
	Description string   `json:"description,omitempty" jsonschema:"details, acceptance criteria"`
	Priority    *int     `json:"priority,omitempty" jsonschema:"0 (highest) to 4, default 2" min:"0" max:"4"`
	BlockedBy   []int    `json:"blocked_by,omitempty" jsonschema:"numbers of the tasks to be done before"`
	Labels      []string `json:"labels,omitempty"`
}

// TaskCreate puts a task on the board.
func (b *Board) TaskCreate(ctx context.Context, in TaskCreateIn) (state.Task, error) {
	t := state.Task{Subject: in.Subject, Description: in.Description, Status: state.Pending,
		Priority: state.DefaultPriority, Labels: in.Labels}
	if in.Priority != nil {
		t.Priority = *in.Priority
	}
	if err := checkTask(t); err != nil {
		return t, err
	}
	if err := b.prime(ctx, len(in.BlockedBy) > 0); err != nil {
		return t, err
	}
	err := b.update(ctx, func(tx *state.Tx) (err error) {
		if t.BlockedBy, err = rules.CheckBlockers(&tx.View, tx.NextID(), in.BlockedBy); err != nil {
			return err
		}
		t = tx.CreateTask(t)
		e := state.Event{Event: state.TaskCreated, Actor: b.Actor, Task: rules.InEvent(t.ID, t.Subject, t.Status)}
		if len(t.BlockedBy) > 0 {
			e.Detail = state.Fields{"blocked_by": t.BlockedBy}
		}
		tx.Emit(e)
		return nil
	})
	return fitTask(t, smallResult), err
}
