package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
)

func taskBindWorktree() Tool {
	return define(Tool{
		Name:        "task_bind_worktree",
		Title:       "Bind a task to a worktree",
		Description: "Give a task an existing worktree to be done in; a pending task becomes in_progress. A task has one worktree, a worktree one open task.",
		Set:         Default,
		Idempotent:  true,
	}, (*Board).TaskBindWorktree, TaskLine)
}

// TaskBindWorktreeIn are the arguments of task_bind_worktree.
type TaskBindWorktreeIn struct {
	TaskID   int    `json:"task_id" min:"1"`
	Worktree string `json:"worktree" jsonschema:"its name"`
	Owner    string `json:"owner,omitempty" jsonschema:"who does it"`
	Claim    string `json:"claim,omitempty"`
}

// TaskBindWorktree writes the binding on both sides at once.
func (b *Board) TaskBindWorktree(ctx context.Context, in TaskBindWorktreeIn) (t state.Task, err error) {
	if err := checkLine("owner", in.Owner, maxOwner); err != nil {
		return t, err
	}
	if err := b.prime(ctx, true); err != nil {
		return t, err
	}
	err = b.updateFree(ctx, in.Worktree, &in.TaskID, func(tx *state.Tx) error {
		old, err := b.enter(tx, in.TaskID, in.Claim)
		if err != nil {
			return err
		}
		if err := bindable(&tx.View, old); err != nil {
			return err
		}
		t = old
		w, err := live(&tx.View, in.Worktree)
		if err != nil {
			return ofArgument("worktree", err)
		}
		if bound := w.TaskID != nil && *w.TaskID == t.ID && t.Worktree == w.Name; bound && t.Status == state.InProgress && (in.Owner == "" || in.Owner == t.Owner) {
			return nil
		}
		if err := b.unbound(tx, w, t.ID); err != nil {
			return err
		}
		if in.Owner != "" {
			t.Owner = in.Owner
		}
		if t, err = bind(tx, t, w); err != nil {
			return err
		}
		tx.Emit(state.Event{Event: "worktree.bind", Actor: b.Actor,
			Task:     inEvent(t.ID, t.Subject, t.Status),
			Worktree: state.Fields{"name": w.Name, "path": w.Path}, Detail: withChanges(nil, old, t)})
		return nil
	}, nil)
	return fitTask(t, smallResult), err
}

// bindable refuses a task that work may not begin or go on.
func bindable(v *state.View, t state.Task) error {
	if !t.Status.Open() {
		return state.Errorf(state.Conflict, "choose an open task; task_list shows them", "task %d is %s", t.ID, t.Status)
	}
	return startable(v, t)
}

// unbound refuses a worktree that another open task has.
func (b *Board) unbound(tx *state.Tx, w state.Worktree, taskID int) error {
	if w.TaskID == nil || *w.TaskID == taskID {
		return nil
	}
	other, err := tx.Task(*w.TaskID)
	if err != nil || !other.Status.Open() || !strings.EqualFold(other.Worktree, w.Name) {
		return nil
	}
	return state.Errorf(state.Conflict, fmt.Sprintf("create another worktree, or bind task %d to another one first", other.ID),
		"worktree %s belongs to task %d (%s)", w.Name, other.ID, state.Visible(state.Clip(other.Subject, 80))).With("task_id", other.ID)
}

// bind writes both sides, and takes the task out of the worktree that it had.
func bind(tx *state.Tx, t state.Task, w state.Worktree) (state.Task, error) {
	if w.TaskID != nil && *w.TaskID != t.ID {
		if other, err := tx.Task(*w.TaskID); err == nil && strings.EqualFold(other.Worktree, w.Name) {
			other.Worktree = ""
			tx.PutTask(other)
		}
	}
	if t.Worktree != "" && !strings.EqualFold(t.Worktree, w.Name) {
		var err error
		if t, err = unbind(tx, t); err != nil {
			return t, err
		}
	}
	t.Worktree = w.Name
	if t.Status == state.Pending {
		t.Status = state.InProgress
	}
	w.TaskID = &t.ID
	tx.PutWorktree(w)
	return tx.PutTask(t), nil
}

// unbind clears the worktree's side; the caller writes the task's.
func unbind(tx *state.Tx, t state.Task) (state.Task, error) {
	if t.Worktree == "" {
		return t, nil
	}
	w, ok, err := tx.Worktree(t.Worktree)
	if err != nil {
		return t, err
	}
	if ok && w.Live() && w.TaskID != nil && *w.TaskID == t.ID {
		w.TaskID = nil
		tx.PutWorktree(w)
	}
	t.Worktree = ""
	return t, nil
}
