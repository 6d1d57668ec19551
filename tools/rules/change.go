package rules

import (
	"slices"

	"wt-mcp/state"
)

// TaskEvent tells of a change of a task, with both values of every field that
// changed: the event log has each version that a field ever had.
func TaskEvent(name state.EventName, actor string, old, t state.Task, detail state.Fields) state.Event {
	e := state.Event{Event: name, Actor: actor, Detail: WithChanges(detail, old, t), Task: InEvent(t.ID, t.Subject, t.Status)}
	if t.Worktree != "" {
		e.Worktree = state.Fields{"name": t.Worktree}
	}
	return e
}

// InEvent is what an event says of the task that it is about.
func InEvent(id int, subject string, status state.Status) state.Fields {
	return state.Fields{"id": id, "subject": subject, "status": status}
}

// TaskFields is the task of an event about a worktree.
func TaskFields(id *int) state.Fields {
	if id == nil {
		return state.Fields{}
	}
	return state.Fields{"id": *id}
}

// WithChanges adds what changed of a task to the detail of an event.
func WithChanges(detail state.Fields, old, t state.Task) state.Fields {
	changes := state.Fields{}
	change(changes, "status", old.Status, t.Status)
	change(changes, "owner", old.Owner, t.Owner)
	change(changes, "subject", old.Subject, t.Subject)
	change(changes, "description", old.Description, t.Description)
	change(changes, "priority", old.Priority, t.Priority)
	change(changes, "worktree", old.Worktree, t.Worktree)
	changeList(changes, "labels", old.Labels, t.Labels)
	changeList(changes, "blocked_by", old.BlockedBy, t.BlockedBy)
	if len(changes) == 0 {
		return detail
	}
	return With(With(detail, "changes", changes), "version", t.Version)
}

// With adds a fact to the detail of an event.
func With(detail state.Fields, key string, value any) state.Fields {
	if detail == nil {
		detail = state.Fields{}
	}
	detail[key] = value
	return detail
}

func change[T comparable](changes state.Fields, name string, from, to T) {
	if from != to {
		changes[name] = state.Fields{"from": from, "to": to}
	}
}

func changeList[T comparable](changes state.Fields, name string, from, to []T) {
	if !slices.Equal(from, to) {
		changes[name] = state.Fields{"from": from, "to": to}
	}
}
