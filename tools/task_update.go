package tools

import (
	"context"
	"fmt"
	"slices"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func taskUpdate() Tool {
	return define(Tool{
		Name:  "task_update",
		Title: "Change a task",
		Description: "Change fields of a task, or append a note. Status goes pending, in_progress, completed; " +
			"completed and deleted are final. Fields that are left out stay.",
		Set:        Default,
		Core:       true,
		Idempotent: false,
		Quiet:      quietTask(""),
	}, (*Board).TaskUpdate, taskLine)
}

// TaskUpdateIn are the arguments of task_update; what is nil stays as it is.
type TaskUpdateIn struct {
	TaskID      int          `json:"task_id" min:"1"`
	Status      state.Status `json:"status,omitempty" enum:"pending,in_progress,completed,deleted"`
	Owner       *string      `json:"owner,omitempty" jsonschema:"empty: nobody"`
	Subject     *string      `json:"subject,omitempty"`
	Description *string      `json:"description,omitempty"`
	Priority    *int         `json:"priority,omitempty" min:"0" max:"4"`
	BlockedBy   *[]int       `json:"blocked_by,omitempty" jsonschema:"replaces all"`
	Labels      *[]string    `json:"labels,omitempty" jsonschema:"replaces all"`
	Note        string       `json:"note,omitempty" jsonschema:"appended with time and author"`
	IfVersion   *int         `json:"if_version,omitempty" jsonschema:"refuse if the task has another version than this, the v of its line, 1 if it has none"`
	Claim       state.Token  `json:"claim,omitzero"`
}

// TaskUpdate changes one task.
func (b *Board) TaskUpdate(ctx context.Context, in TaskUpdateIn) (t state.Task, err error) {
	if err := in.check(); err != nil {
		return t, err
	}
	if err := b.prime(ctx, in.BlockedBy != nil || in.Status != ""); err != nil {
		return t, err
	}
	err = b.update(ctx, func(tx *state.Tx) error {
		old, err := b.rules().Enter(tx, in.TaskID, in.Claim)
		if err != nil {
			return err
		}
		if t, err = in.apply(tx, old, b.Actor); err != nil {
			return err
		}
		if t.Status == state.Deleted {
			if t, err = rules.Unbind(tx, t); err != nil {
				return err
			}
		}
		if t, err = rules.WriteTask(tx, t); err != nil {
			return err
		}
		tx.Emit(updated(old, t, in.Note, b.Actor))
		if old.Status.Open() && !t.Status.Open() {
			return b.rules().TellUnblocked(tx, t.ID)
		}
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
		return state.Invalid("arguments", "pass at least one of status, owner, subject, description, priority, blocked_by, labels, note", "change nothing")
	}
	return checkText("note", in.Note)
}

func (in TaskUpdateIn) empty() bool {
	return in.Status == "" && in.Owner == nil && in.Subject == nil && in.Description == nil && in.Priority == nil &&
		in.BlockedBy == nil && in.Labels == nil && in.Note == ""
}

// apply returns the task as it will be, or why it cannot be so.
func (in TaskUpdateIn) apply(tx *state.Tx, t state.Task, actor string) (state.Task, error) {
	if err := in.checkVersion(t); err != nil {
		return t, err
	}
	if in.Status != "" {
		if !t.Status.CanBecome(in.Status) {
			return t, refusedStatus(t, in.Status)
		}
	}
	if in.BlockedBy != nil {
		var err error
		if t.BlockedBy, err = rules.CheckBlockers(&tx.View, t.ID, *in.BlockedBy); err != nil {
			return t, err
		}
	}
	if in.Status == state.InProgress {
		if err := rules.Startable(&tx.View, t); err != nil {
			return t, err
		}
	}
	if in.Status != "" {
		t.Status = in.Status
	}
	assign(&t.Owner, in.Owner)
	assign(&t.Subject, in.Subject)
	assign(&t.Description, in.Description)
	assign(&t.Priority, in.Priority)
	assign(&t.Labels, in.Labels)
	if in.Note != "" {
		if t.FileSize() > maxNoted {
			return t, state.Invalid("note", "create a task for what goes on; what it has stays", "finds no room: task %d has %d MB already", t.ID, t.FileSize()>>20)
		}
		t.Notes = append(slices.Clone(t.Notes), state.Note{At: tx.At(), Actor: actor, Text: in.Note})
	}
	return t, checkChanged(in, t)
}

// checkVersion refuses to write over something newer than the caller has seen, and
// shows both: what the fields are now, and what the caller would have made of them.
func (in TaskUpdateIn) checkVersion(t state.Task) error {
	if in.IfVersion == nil || *in.IfVersion == t.Version {
		return nil
	}
	if *in.IfVersion > t.Version || *in.IfVersion < 0 {
		return state.Errorf(state.Conflict, "call task_get for the version", "if_version is %d, but task %d has only come to version %d",
			*in.IfVersion, t.ID, t.Version).With("version", t.Version)
	}
	now, yours := state.Fields{}, state.Fields{}
	both(now, yours, "owner", t.Owner, in.Owner)
	both(now, yours, "subject", t.Subject, in.Subject)
	both(now, yours, "description", t.Description, in.Description)
	both(now, yours, "priority", t.Priority, in.Priority)
	if in.BlockedBy != nil {
		now["blocked_by"], yours["blocked_by"] = clipIDs(t.BlockedBy), clipIDs(*in.BlockedBy)
	}
	both(now, yours, "labels", t.Labels, in.Labels)
	if in.Status != "" {
		both(now, yours, "status", t.Status, &in.Status)
	}
	shown := ""
	if len(now) > 0 {
		shown = fmt.Sprintf("; now: %s; yours: %s", state.Clip(detail(now), 500), state.Clip(detail(yours), 500))
	}
	return state.Errorf(state.Conflict, "call task_get, decide again, and pass the version that it shows; a note can be added at any time",
		"task %d has version %d, not %d%s", t.ID, t.Version, *in.IfVersion, shown).
		With("version", t.Version).With("task", fitTask(t, smallResult)).With("yours", clipFields(yours))
}

func clipIDs(ids []int) []int { return ids[:min(len(ids), maxBlockers)] }

// both notes a field's value and what the call would make of it.
func both[T any](now, yours state.Fields, name string, value T, wanted *T) {
	if wanted != nil {
		now[name], yours[name] = value, *wanted
	}
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

// updated tells what changed.
func updated(old, t state.Task, note, actor string) state.Event {
	name := state.TaskUpdated
	switch {
	case old.Status != t.Status && t.Status == state.Completed:
		name = state.TaskCompleted
	case old.Status != t.Status && t.Status == state.Deleted:
		name = state.TaskDeleted
	}
	e := rules.TaskEvent(name, actor, old, t, nil)
	if note != "" {
		if e.Detail == nil {
			e.Detail = state.Fields{}
		}
		e.Detail["note"] = note
	}
	return e
}
