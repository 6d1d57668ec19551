package rules

import (
	"fmt"
	"slices"

	"wt-mcp/state"
)

// claimable is the named task, if it can be taken. Whoever holds it must say so
// with its claim: several agents may share this caller's connection.
func (r Rules) claimable(tx *state.Tx, want Wish) (state.Task, error) {
	t, err := tx.Task(want.Task)
	if err == nil {
		err = Bindable(&tx.View, t)
	}
	if err != nil {
		return t, err
	}
	if want.Label != "" && !slices.Contains(t.Labels, want.Label) {
		return t, state.Errorf(state.Conflict, "leave label out, or choose another task", "task %d has no label %q", t.ID, want.Label).With("task_id", t.ID)
	}
	c, claimed, err := tx.Claim(t.ID)
	if err != nil || !claimed {
		return t, err
	}
	if !r.Lapsed(&tx.View, c) {
		return t, r.claimHeld(&tx.View, c)
	}
	if err := r.expire(tx, c); err != nil {
		return t, err
	}
	if t, err = tx.Task(t.ID); err != nil {
		return t, err
	}
	return t, Startable(&tx.View, t)
}

// bestReady is the first of the ready tasks, once the leases that are over have
// been ended.
func (r Rules) bestReady(tx *state.Tx, want Wish) (state.Task, error) {
	if err := r.endIdle(tx); err != nil {
		return state.Task{}, err
	}
	taken, err := r.Taken(&tx.View)
	if err != nil {
		return state.Task{}, err
	}
	unfinished, err := tx.Intents()
	if err != nil {
		return state.Task{}, err
	}
	for _, in := range unfinished {
		taken.add(in) // the owner may be dead, but what it made is not recovered yet
	}
	all, err := tx.Tasks()
	if err != nil {
		return state.Task{}, err
	}
	for _, t := range all.Ready(taken.Has) {
		if want.Label == "" || slices.Contains(t.Labels, want.Label) {
			return tx.Task(t.ID)
		}
	}
	return state.Task{}, noneReady(all, want.Label, len(taken))
}

func (r Rules) endIdle(tx *state.Tx) error {
	claims, err := tx.Claims()
	if err != nil {
		return err
	}
	for _, c := range claims {
		if r.Lapsed(&tx.View, c) {
			if err := r.expireIdle(tx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Taken are the tasks that nobody else can have now, by number: those that are
// claimed, and those that a worktree operation goes on for.
type Taken map[int]state.Claim

// Has reports whether a task is taken.
func (m Taken) Has(t *state.TaskSummary) bool {
	_, is := m[t.ID]
	return is
}

func (m Taken) add(in state.Intent) {
	if in.TaskID != nil {
		m[*in.TaskID] = state.Claim{}
	}
}

// Taken finds the tasks that nobody else can have now.
func (r Rules) Taken(v *state.View) (Taken, error) {
	claims, err := v.Claims()
	if err != nil {
		return nil, err
	}
	intents, err := v.Intents()
	if err != nil {
		return nil, err
	}
	m := Taken{}
	for _, in := range intents {
		if v.Going(in.ID) {
			m.add(in)
		}
	}
	for _, c := range claims {
		if !r.Lapsed(v, c) {
			m[c.Task] = c
		}
	}
	return m, nil
}

func noneReady(all *state.Tasks, label string, claimed int) error {
	pending, labelled := all.Count()[state.Pending], 0
	for _, t := range all.All {
		if t.Status == state.Pending && slices.Contains(t.Labels, label) {
			labelled++
		}
	}
	which := "task"
	switch {
	case label != "" && labelled == 0:
		return state.Errorf(state.NotFound, "leave label out to take any, or call task_list to see the labels",
			"no task with label %q is ready: none of the %d pending has it; claimed: %d", label, pending, claimed).
			With("pending", pending).With("claimed", claimed)
	case label != "":
		which, pending = fmt.Sprintf("task with label %q", label), labelled
	}
	return state.Errorf(state.NotFound, `call worktree_events {"event":"task.","wait_seconds":50} to wait for news, then task_claim again; or task_create`,
		"no %s is ready: of %d pending, all wait for others or are taken; claimed: %d", which, pending, claimed).
		With("pending", pending).With("claimed", claimed)
}
