package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wt-mcp/state"
)

// right is what a call has on a task. The zero value: nobody has claimed it.
type right struct {
	claim  state.Claim
	held   bool        // by the caller
	lapsed bool        // its lease is over, and nobody has ended it yet
	lost   state.Token // what the caller had; to be forgotten once that is told
}

// tokens are the claims that were made over this connection, by task. Its calls
// need not repeat them.
type tokens struct{ byTask sync.Map }

func (m *tokens) of(task int) state.Token {
	t, _ := m.byTask.Load(task)
	token, _ := t.(state.Token)
	return token
}

func (m *tokens) remember(t state.Token) { m.byTask.Store(t.Task, t) }

// forget drops a token, unless the task has a newer one by now.
func (m *tokens) forget(t state.Token) { m.byTask.CompareAndDelete(t.Task, t) }

// token is what the call claims a task by: what it passed, else what this
// connection was given.
func (b *Board) token(task int, passed string) (state.Token, error) {
	if passed == "" {
		return b.shared.tokens.of(task), nil
	}
	t, err := state.ParseToken(passed)
	if err == nil && t.Task != task {
		return t, invalid("claim", "leave it out, or pass the one of this task", "is for task %d, not for task %d", t.Task, task)
	}
	return t, err
}

// rightTo decides whether a call may change a task. Whether a lease is over says
// only that somebody else may take the task: a token that was followed by another
// one is refused at any time. It changes nothing: a View may look twice.
func (b *Board) rightTo(v *state.View, task int, passed string) (right, error) {
	token, err := b.token(task, passed)
	if err != nil {
		return right{}, err
	}
	c, claimed, err := v.Claim(task)
	if err != nil {
		return right{}, err
	}
	r := right{claim: c, lapsed: claimed && b.lapsed(c)}
	switch {
	case token != state.Token{} && claimed && c.ProvedBy(token) && !r.lapsed:
		r.held = true
	case token != state.Token{}:
		if err := b.lost(v, token, c, r.lapsed); err != nil {
			r.lost = token
			return r, err
		}
	case claimed && !r.lapsed:
		return r, b.claimHeld(c)
	}
	return r, nil
}

// rightNow is rightTo for a change. What the caller has lost is told once.
func (b *Board) rightNow(tx *state.Tx, task int, passed string) (right, error) {
	r, err := b.rightTo(&tx.View, task, passed)
	b.shared.tokens.forget(r.lost)
	return r, err
}

// lapsed reports whether the lease is over and no run keeps the claim alive; at the
// end of a run it begins anew, also before that end is told.
func (b *Board) lapsed(c state.Claim) bool {
	if b.State.LeaseLeft(c) > 0 {
		return false
	}
	for _, id := range c.Runs {
		if r, going := b.Jobs.Peek(id); going || r.Over() && r.EndedAt+c.Lease > b.State.Now() {
			return false
		}
	}
	return true
}

// lost says what became of a claim that does not hold its task any more; c is the
// one that the task has now, if any. It is nil where the holder itself closed the
// task: then there is nothing to hold.
func (b *Board) lost(v *state.View, token state.Token, c state.Claim, lapsed bool) error {
	t, err := v.Task(token.Task)
	if err != nil {
		return err
	}
	mine, known := attempt(t, token.Number)
	switch {
	case !known || c.Number == token.Number && !c.ProvedBy(token):
		return invalid("claim", "pass it exactly as task_claim gave it", "was never given out for task %d", token.Task)
	case c.Number == token.Number && lapsed:
		mine.Outcome, mine.EndedAt = state.OutcomeExpired, c.ExpiresAt
	case mine.Outcome == "":
		mine.Outcome, mine.EndedAt = state.OutcomeForgotten, b.State.Now()
	case c.Number == 0 && (mine.Outcome == state.OutcomeCompleted || mine.Outcome == state.OutcomeDeleted):
		return nil
	}
	again := fmt.Sprintf(`task_claim {"task_id":%d}`, t.ID)
	e := state.Errorf(state.ClaimLost, "nobody holds it now; "+again+" takes it again; look at what was done meanwhile first",
		"your claim on task %d ended at %s: %s", t.ID, clock(mine.EndedAt), mine.Outcome)
	if c.Number != token.Number && c.Number != 0 && !lapsed {
		e.Message += fmt.Sprintf("; %s holds the task now", holder(c))
		e.Hint = "stop working on it; what you have not committed is still in the worktree; " +
			"tell the new holder with the user's help, or take another task with task_claim {}"
		e = e.With("holder", c.Owner).With("lease_expires_at", c.ExpiresAt)
	}
	return e.With("task_id", t.ID).With("outcome", mine.Outcome)
}

// attempt finds the attempt that a claim of that number stands for.
func attempt(t state.Task, number int64) (state.Attempt, bool) {
	for _, a := range t.Attempts {
		if a.Claim == number {
			return a, true
		}
	}
	return state.Attempt{}, false
}

func (b *Board) claimHeld(c state.Claim) error {
	until := "until " + clock(c.ExpiresAt)
	if left := b.State.LeaseLeft(c); left > 0 {
		until += fmt.Sprintf(" (for %v more, if it is not renewed)", left.Round(time.Second))
	} else {
		until = "as long as its run goes on: " + join(c.Runs)
	}
	return state.Errorf(state.ClaimHeld, fmt.Sprintf(`take another one with task_claim {}, or pass claim if it is yours; a person can end it: wt-mcp task release %d --force`, c.Task),
		"task %d is claimed by %s %s", c.Task, holder(c), until).
		With("task_id", c.Task).With("holder", c.Owner).With("lease_expires_at", c.ExpiresAt)
}

// holder names who has a claim.
func holder(c state.Claim) string {
	if c.Owner == "" {
		return "somebody"
	}
	return state.Visible(c.Owner)
}

func clock(at float64) string { return state.Time(at).Format("15:04:05Z") }

// enter returns the task that a change is about, if the call may change it. A
// lease that is over is ended first, and the caller's own begins anew.
func (b *Board) enter(tx *state.Tx, id int, passed string) (state.Task, error) {
	t, err := tx.Task(id)
	if err != nil {
		return t, err
	}
	r, err := b.rightNow(tx, id, passed)
	if err != nil {
		return t, err
	}
	if r.lapsed {
		if err := b.expire(tx, r.claim); err != nil {
			return t, err
		}
		if t, err = tx.Task(id); err != nil {
			return t, err
		}
	}
	if r.held && b.worthRenewing(r.claim) {
		r.claim = tx.RenewClaim(r.claim)
	}
	if r.held {
		t.LeaseExpiresAt = r.claim.ExpiresAt
	}
	return t, nil
}

// worthRenewing reports whether so much of the lease is gone that it is worth a write.
func (b *Board) worthRenewing(c state.Claim) bool {
	used := c.Lease - b.State.LeaseLeft(c).Seconds()
	return used > min(c.Lease/20, 5)
}

// enterWorktree is enter for a change of a worktree, whose task may be claimed.
func (b *Board) enterWorktree(tx *state.Tx, w state.Worktree, passed string) error {
	if w.TaskID == nil {
		return noTask(w, passed)
	}
	_, err := b.enter(tx, *w.TaskID, passed)
	if state.CodeOf(err) == state.NotFound {
		return nil
	}
	return err
}

func noTask(w state.Worktree, passed string) error {
	if passed == "" {
		return nil
	}
	return invalid("claim", "leave it out", "worktree %s belongs to no task", w.Name)
}

func claimWithoutTask() error {
	return invalid("claim", "pass task_id with it", "says nothing without task_id")
}

// hold is enterWorktree for what is no change of the board. Nothing is written
// unless there is something to renew or to end.
func (b *Board) hold(ctx context.Context, w state.Worktree, passed string) error {
	if w.TaskID == nil {
		return noTask(w, passed)
	}
	var r right
	err := b.State.View(ctx, func(v *state.View) (err error) {
		r, err = b.rightTo(v, *w.TaskID, passed)
		return err
	})
	b.shared.tokens.forget(r.lost)
	if state.CodeOf(err) == state.NotFound || b.ReadOnly {
		return nil
	}
	if err != nil || !r.lapsed && !(r.held && b.worthRenewing(r.claim)) {
		return err
	}
	return b.update(ctx, func(tx *state.Tx) error { return b.enterWorktree(tx, w, passed) })
}

// writeTask writes a task that exists. One that is not in progress any more is nobody's.
func writeTask(tx *state.Tx, t state.Task) (state.Task, error) {
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

// endAttempt takes the claim off the task, and notes how it ended.
func endAttempt(tx *state.Tx, t *state.Task, c state.Claim, outcome string, at float64) {
	tx.EndClaim(t.ID)
	t.LeaseExpiresAt = 0
	attempts := append([]state.Attempt(nil), t.Attempts...)
	if _, known := attempt(*t, c.Number); !known {
		attempts = append(attempts, state.Attempt{Owner: c.Owner, ClaimedAt: c.ClaimedAt, Claim: c.Number})
	}
	for i, a := range attempts {
		if a.Claim == c.Number {
			attempts[i].EndedAt, attempts[i].Outcome = at, outcome
		}
	}
	t.Attempts = attempts
}

// letForgotten is letLoose for a claim that the board does not know any more.
func letForgotten(tx *state.Tx, t state.Task) state.Task {
	t.Attempts = endForgotten(t.Attempts, tx.At())
	t.Status, t.Owner, t.LeaseExpiresAt = state.Pending, "", 0
	return tx.PutTask(t)
}

// endForgotten ends the attempts of a task that has no claim now.
func endForgotten(attempts []state.Attempt, at float64) []state.Attempt {
	attempts = slices.Clone(attempts)
	for i, a := range attempts {
		if a.Outcome == "" {
			attempts[i].EndedAt, attempts[i].Outcome = at, state.OutcomeForgotten
		}
	}
	return attempts
}

// expire ends a claim whose lease is over, and tells: the task can be claimed again.
func (b *Board) expire(tx *state.Tx, c state.Claim) error {
	old, err := tx.Task(c.Task)
	if code := state.CodeOf(err); err != nil && (code == state.NotFound || code == state.Corrupt) {
		tx.EndClaim(c.Task) // a file that cannot be read holds up nobody else
		return nil
	}
	if err != nil {
		return err
	}
	t := letLoose(tx, old, c, state.OutcomeExpired, min(c.ExpiresAt, tx.At()))
	tx.Emit(taskEvent("task.expired", b.Actor, old, t, state.Fields{"owner": c.Owner, "lost": t.LostHolders()}))
	return nil
}

// expireIdle is expire, unless a worktree operation is unfinished for the task: that
// keeps the claim alive until it is over, by itself or by recovery.
func (b *Board) expireIdle(tx *state.Tx, c state.Claim) error {
	if unfinished, err := inTheWay(&tx.View, "", &c.Task); err != nil || unfinished != nil {
		return err
	}
	return b.expire(tx, c)
}

// letLoose ends a claim on a task that is not done: the next may take it, with
// its worktree.
func letLoose(tx *state.Tx, t state.Task, c state.Claim, outcome string, at float64) state.Task {
	endAttempt(tx, &t, c, outcome, at)
	if t.Status == state.InProgress {
		t.Status, t.Owner = state.Pending, ""
	}
	return tx.PutTask(t)
}

// TendClaims ends the claims whose lease is over. It returns for how long nothing
// is to be done again; 0 where nothing is claimed.
func (b *Board) TendClaims(ctx context.Context) (time.Duration, error) {
	b.recoverDead(ctx)
	next, overdue, err := b.leases(ctx)
	if err != nil || !overdue {
		return next, err
	}
	return next, b.update(ctx, func(tx *state.Tx) error {
		all, err := tx.Claims()
		errs := []error{err}
		for _, c := range all {
			switch {
			case b.lapsed(c):
				errs = append(errs, b.expireIdle(tx, c))
			case !b.State.OfThisBoot(c):
				tx.PutClaim(b.State.Rebase(c))
			}
		}
		return errors.Join(errs...)
	})
}

// leases looks when the next lease is over, and whether one is already.
func (b *Board) leases(ctx context.Context) (next time.Duration, overdue bool, err error) {
	const again = time.Second // for one that a run keeps alive
	err = b.State.View(ctx, func(v *state.View) error {
		next, overdue = 0, false
		all, err := v.Claims()
		for _, c := range all {
			left := b.State.LeaseLeft(c)
			overdue = overdue || !b.State.OfThisBoot(c) || left <= 0 && b.lapsed(c)
			if left <= 0 {
				left = again
			}
			if next == 0 || left < next {
				next = left
			}
		}
		return err
	})
	return next, overdue, err
}
