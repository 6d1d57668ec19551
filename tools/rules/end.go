package rules

import (
	"strings"

	"wt-mcp/state"
)

// WriteTask writes a task that exists. One that is not in progress any more is
// nobody's.
func WriteTask(tx *state.Tx, t state.Task) (state.Task, error) {
	c, claimed, err := tx.Claim(t.ID)
	if err != nil {
		return t, err
	}
	if claimed {
		switch t.Status {
		case state.Completed:
			endAttempt(tx, &t, c, state.OutcomeCompleted, tx.At())
		case state.Deleted:
			endAttempt(tx, &t, c, state.OutcomeDeleted, tx.At())
		case state.Pending:
			endAttempt(tx, &t, c, state.OutcomeReleased, tx.At())
			t.Owner = ""
		}
	}
	return tx.PutTask(t), nil
}

// CompleteTaskOf completes the task of a worktree that is closed out, if it has one
// that is open.
func (r Rules) CompleteTaskOf(tx *state.Tx, w state.Worktree, end *state.Closeout) error {
	if w.TaskID == nil {
		return nil
	}
	t, err := tx.Task(*w.TaskID)
	if err == nil && t.Status.Open() {
		_, err = r.complete(tx, w, t, t, end)
	}
	return err
}

// complete ends the task of a worktree that is closed out, and tells; old is the
// task as the board has it.
func (r Rules) complete(tx *state.Tx, w state.Worktree, old, t state.Task, end *state.Closeout) (*state.Task, error) {
	t.Status, t.Closeout = state.Completed, end
	t, err := WriteTask(tx, t)
	if err != nil {
		return nil, err
	}
	tx.Emit(state.Event{Event: state.TaskCompleted, Actor: r.Actor, Worktree: state.Fields{"name": w.Name},
		Task: InEvent(t.ID, t.Subject, t.Status), Detail: WithChanges(nil, old, t)})
	return &t, r.TellUnblocked(tx, t.ID)
}

// Removal is what a removal was asked to do on the board.
type Removal struct {
	Reason   string
	Snapshot string
	Complete *int // the task that is done with it
}

// CloseOut puts the end of a removed worktree on the board, and into the event that
// tells it what changed of its task.
func (r Rules) CloseOut(tx *state.Tx, w state.Worktree, as Removal, told *state.Event) (state.Worktree, *state.Task, error) {
	end := &state.Closeout{Action: "remove", Reason: as.Reason, At: tx.At(), Snapshot: as.Snapshot}
	left, changes, err := r.leave(tx, w, as, end)
	w.Status, w.RemovedAt, w.Closeout = state.Removed, tx.At(), end
	tx.PutWorktree(w)
	told.Detail = changes
	return w, left, err
}

// leave completes the task of a worktree that is gone, or takes the worktree out of
// it; changes is what it has not told of that.
func (r Rules) leave(tx *state.Tx, w state.Worktree, as Removal, end *state.Closeout) (left *state.Task, changes state.Fields, err error) {
	if w.TaskID == nil {
		return nil, nil, nil
	}
	t, err := tx.Task(*w.TaskID)
	if state.CodeOf(err) == state.NotFound {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	old, bound := t, strings.EqualFold(t.Worktree, w.Name)
	if bound {
		t.Worktree = ""
	}
	if as.Complete != nil && *as.Complete == t.ID && t.Status.Open() {
		left, err = r.complete(tx, w, old, t, end)
		return left, nil, err
	}
	if bound {
		t = tx.PutTask(t)
	}
	return &t, WithChanges(nil, old, t), nil
}
