package tools

import (
	"context"
	"fmt"
	"slices"

	"wt-mcp/state"
)

func taskUpdate() Tool {
	return define(Tool{
		Name:  "task_update",
		Title: "Change a task",
		Description: "Change fields of a task, or append a note. Status goes pending, in_progress, completed; " +
			"completed and deleted are final. Fields that are left out stay.",
		Set:        Default,
		Idempotent: false,
	}, (*Board).TaskUpdate, TaskLine)
}

// TaskUpdateIn are the arguments of task_update; what is nil stays as it is.
type TaskUpdateIn struct {
	TaskID      int          `json:"task_id" min:"1"`
	Status      state.Status `json:"status,omitempty" enum:"pending,in_progress,completed,deleted"`
	Owner       *string      `json:"owner,omitempty" jsonschema:"empty: nobody"`
	Subject     *string      `json:"subject,omitempty"`
	Description *string      `json:"description,omitempty"`
	Priority    *int         `json:"priority,omitempty" min:"0" max:"4"`
	Labels      *[]string    `json:"labels,omitempty" jsonschema:"replaces all labels"`
	Note        string       `json:"note,omitempty" jsonschema:"appended with time and author"`
	IfVersion   *int         `json:"if_version,omitempty" jsonschema:"refuse if the task has another version by now"`
}

// TaskUpdate changes one task.
func (b *Board) TaskUpdate(ctx context.Context, in TaskUpdateIn) (t state.Task, err error) {
	if err := in.check(); err != nil {
		return t, err
	}
	err = b.update(ctx, func(tx *state.Tx) error {
		old, err := tx.Task(in.TaskID)
		if err != nil {
			return err
		}
		if t, err = in.apply(tx, old, b.Actor); err != nil {
			return err
		}
		if t.Status == state.Deleted {
			if t, err = unbind(tx, t); err != nil {
				return err
			}
		}
		t = tx.PutTask(t)
		tx.Emit(updated(old, t, in.Note, b.Actor))
		return nil
	})
	return fitTask(t, smallResult), err
}

func (in TaskUpdateIn) check() error {
	if in.Owner != nil {
		if err := checkLine("owner", *in.Owner, maxOwner); err != nil {
			return err
		}
	}
	if in.empty() {
		return invalid("arguments", "pass at least one of status, owner, subject, description, priority, labels, note", "change nothing")
	}
	return checkText("note", in.Note)
}

func (in TaskUpdateIn) empty() bool {
	return in.Status == "" && in.Owner == nil && in.Subject == nil && in.Description == nil && in.Priority == nil &&
		in.Labels == nil && in.Note == ""
}

// apply returns the task as it will be, or why it cannot be so.
func (in TaskUpdateIn) apply(tx *state.Tx, t state.Task, actor string) (state.Task, error) {
	if in.IfVersion != nil && *in.IfVersion != t.Version {
		return t, state.Errorf(state.Conflict, "call task_get, decide again, and pass the version that it shows",
			"task %d has version %d, not %d", t.ID, t.Version, *in.IfVersion).With("version", t.Version).With("task", fitTask(t, smallResult))
	}
	if in.Status != "" {
		if !t.Status.CanBecome(in.Status) {
			return t, refusedStatus(t, in.Status)
		}
		t.Status = in.Status
	}
	assign(&t.Owner, in.Owner)
	assign(&t.Subject, in.Subject)
	assign(&t.Description, in.Description)
	assign(&t.Priority, in.Priority)
	assign(&t.Labels, in.Labels)
	if in.Note != "" {
		t.Notes = append(slices.Clone(t.Notes), state.Note{At: tx.At(), Actor: actor, Text: in.Note})
	}
	return t, checkChanged(in, t)
}

// checkChanged checks the fields that the call sets; what a file already had
// does not stop a change of something else.
func checkChanged(in TaskUpdateIn, t state.Task) error {
	probe := state.Task{Subject: "x"}
	if in.Subject != nil {
		probe.Subject = t.Subject
	}
	if in.Description != nil {
		probe.Description = t.Description
	}
	if in.Labels != nil {
		probe.Labels = t.Labels
	}
	if in.Priority != nil {
		probe.Priority = t.Priority
	}
	return checkTask(probe)
}

func refusedStatus(t state.Task, to state.Status) error {
	hint := "create a follow-up with task_create"
	if to == t.Status {
		hint = "nothing is left to do; add a note if there is news"
	}
	return state.Errorf(state.Conflict, hint, "task %d is %s and cannot become %s", t.ID, t.Status, to).With("status", t.Status)
}

func assign[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// updated tells what changed, with the old value of each field.
func updated(old, t state.Task, note, actor string) state.Event {
	e := state.Event{Event: "task.updated", Actor: actor, Task: state.Fields{"id": t.ID, "subject": t.Subject, "status": t.Status}}
	if old.Status != t.Status && t.Status == state.Completed {
		e.Event = "task.completed"
	}
	if old.Status != t.Status && t.Status == state.Deleted {
		e.Event = "task.deleted"
	}
	if t.Worktree != "" {
		e.Worktree = state.Fields{"name": t.Worktree}
	}
	changes := state.Fields{}
	change(changes, "status", old.Status, t.Status)
	change(changes, "owner", old.Owner, t.Owner)
	change(changes, "subject", old.Subject, t.Subject)
	change(changes, "description", old.Description, t.Description)
	change(changes, "priority", old.Priority, t.Priority)
	change(changes, "labels", fmt.Sprint(old.Labels), fmt.Sprint(t.Labels))
	e.Detail = state.Fields{"changes": changes}
	if note != "" {
		e.Detail["note"] = note
	}
	return e
}

func change[T comparable](changes state.Fields, name string, from, to T) {
	if from != to {
		changes[name] = state.Fields{"from": from, "to": to}
	}
}
