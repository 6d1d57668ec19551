package rules

import (
	"slices"

	"wt-mcp/state"
)

// Enter returns the task that a change is about, if the call may change it. A
// lease that is over is ended first, and the caller's own begins anew.
func (r Rules) Enter(tx *state.Tx, id int, passed state.Token) (state.Task, error) {
	t, err := tx.Task(id)
	if err != nil {
		return t, err
	}
	right, err := r.Now(tx, id, passed)
	if err != nil {
		return t, err
	}
	if right.Lapsed {
		if err := r.expire(tx, right.Claim); err != nil {
			return t, err
		}
		if t, err = tx.Task(id); err != nil {
			return t, err
		}
	}
	if right.Held {
		t.LeaseExpiresAt = r.refresh(tx, right.Claim).ExpiresAt
	}
	return t, nil
}

func (r Rules) refresh(tx *state.Tx, c state.Claim) state.Claim {
	if worthRenewing(&tx.View, c) {
		return tx.RenewClaim(c)
	}
	return c
}

// worthRenewing reports whether so much of the lease is gone that it is worth a write.
func worthRenewing(v *state.View, c state.Claim) bool {
	used := c.Lease - v.LeaseLeft(c).Seconds()
	return used > min(c.Lease/20, 5)
}

// Due reports that there is something to write when the caller enters with this
// right: a lease to renew or to end.
func (r Rules) Due(v *state.View, right Right) bool {
	return right.Lapsed || right.Held && worthRenewing(v, right.Claim)
}

// EnterWorktree is Enter for a change of a worktree, whose task may be claimed.
func (r Rules) EnterWorktree(tx *state.Tx, w state.Worktree, passed state.Token) error {
	if w.TaskID == nil {
		return NoTask(w, passed)
	}
	_, err := r.Enter(tx, *w.TaskID, passed)
	if state.CodeOf(err) == state.NotFound {
		return nil
	}
	return err
}

// NoTask refuses a claim for a worktree that belongs to no task.
func NoTask(w state.Worktree, passed state.Token) error {
	if passed.IsZero() {
		return nil
	}
	return state.Invalid("claim", "leave it out", "worktree %s belongs to no task", w.Name)
}

// KeepAlive has a run keep the claim on its task alive until it is over.
func KeepAlive(tx *state.Tx, task int, run string) { tx.KeepRuns(task, []string{run}) }

// KeepIfLive is KeepAlive for a run that nobody asked for: a claim whose lease is
// over stays so.
func (r Rules) KeepIfLive(tx *state.Tx, task int, run string) error {
	c, claimed, err := tx.Claim(task)
	if err == nil && claimed && !r.Lapsed(&tx.View, c) {
		KeepAlive(tx, task, run)
	}
	return err
}

// LeaveRun begins the lease of the claim anew that a run has kept alive.
func LeaveRun(tx *state.Tx, task int, run string) error {
	c, claimed, err := tx.Claim(task)
	if i := slices.Index(c.Runs, run); err == nil && claimed && i >= 0 {
		c.Runs = slices.Delete(slices.Clone(c.Runs), i, i+1)
		tx.RenewClaim(c)
	}
	return err
}
