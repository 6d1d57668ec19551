package rules

import (
	"fmt"
	"strings"

	"wt-mcp/state"
)

// Bindable refuses a task that work may not begin or go on.
func Bindable(v *state.View, t state.Task) error {
	if !t.Status.Open() {
		return state.Errorf(state.Conflict, "choose an open task; task_list shows them", "task %d is %s", t.ID, t.Status)
	}
	return Startable(v, t)
}

// Unbound refuses a worktree that another open task has.
func Unbound(v *state.View, w state.Worktree, task int) error {
	if w.TaskID == nil || *w.TaskID == task {
		return nil
	}
	other, err := v.Task(*w.TaskID)
	if err != nil || !other.Status.Open() || !strings.EqualFold(other.Worktree, w.Name) {
		return nil
	}
	return state.Errorf(state.Conflict, fmt.Sprintf("create another worktree, or bind task %d to another one first", other.ID),
		"worktree %s belongs to task %d (%s)", w.Name, other.ID, state.Visible(state.Clip(other.Subject, 80))).With("task_id", other.ID)
}

// Unused refuses a name or a task that is taken, for a worktree that is to be made.
func (r Rules) Unused(tx *state.Tx, name string, task *int, passed state.Token) error {
	w, ok, err := tx.Worktree(name)
	if err != nil {
		return err
	}
	if ok && w.Live() {
		return state.Errorf(state.AlreadyExists, "use it, or choose another name; worktree_list shows them all",
			"worktree %s exists already (%s)", w.Name, w.Status).With("path", w.Path)
	}
	if task == nil {
		return nil
	}
	t, err := r.Enter(tx, *task, passed)
	if err == nil {
		err = Bindable(&tx.View, t)
	}
	if err == nil && t.Worktree != "" {
		return state.Errorf(state.Conflict, fmt.Sprintf("work in %s, or create the worktree without task_id and bind it with task_bind_worktree", t.Worktree),
			"task %d has worktree %s already", t.ID, t.Worktree).With("worktree", t.Worktree)
	}
	return err
}

// Bind writes both sides, and takes the task out of the worktree that it had.
func Bind(tx *state.Tx, t state.Task, w state.Worktree) (state.Task, error) {
	if w.TaskID != nil && *w.TaskID != t.ID {
		if other, err := tx.Task(*w.TaskID); err == nil && strings.EqualFold(other.Worktree, w.Name) {
			other.Worktree = ""
			tx.PutTask(other)
		}
	}
	if t.Worktree != "" && !strings.EqualFold(t.Worktree, w.Name) {
		var err error
		if t, err = Unbind(tx, t); err != nil {
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

// Unbind clears the worktree's side; the caller writes the task's.
func Unbind(tx *state.Tx, t state.Task) (state.Task, error) {
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

// Register puts a new entry on the registry and binds the task that it names, if
// that still wants the worktree: a person may have ended it meanwhile by editing its
// file. It returns what changed of the task. A creation that was not interrupted has
// kept the claim on the task alive.
func Register(tx *state.Tx, w state.Worktree, interrupted bool) (state.Worktree, state.Fields, error) {
	if w.TaskID == nil {
		tx.PutWorktree(w)
		return w, nil, nil
	}
	t, err := tx.Task(*w.TaskID)
	if err != nil || !t.Status.Open() {
		w.TaskID = nil
		tx.PutWorktree(w)
		return w, nil, nil
	}
	if c, claimed, err := tx.Claim(t.ID); err != nil {
		return w, nil, err
	} else if claimed && !interrupted {
		t.LeaseExpiresAt = tx.RenewClaim(c).ExpiresAt
	}
	bound, err := Bind(tx, t, w)
	return w, WithChanges(nil, t, bound), err
}
