package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"wt-mcp/state"
)

// DefaultLease is how long a claim holds without a sign of its holder, in seconds.
const DefaultLease = 900

// Wish is what a caller asks of a claim.
type Wish struct {
	Task  int // 0: the best ready one
	Label string
	Owner string  // default: the caller; of one that is held: whom to hand it over to
	Lease float64 // seconds; 0: what it had, or DefaultLease
}

// Given is a task with the right to it.
type Given struct {
	Task      state.Task
	Token     state.Token
	ExpiresAt float64
	Passed    bool // to another owner, whose the token is now
}

// Claim gives out a task that nobody holds.
func (r Rules) Claim(tx *state.Tx, want Wish) (Given, error) {
	choose := r.claimable
	if want.Task == 0 {
		choose = r.bestReady
	}
	t, err := choose(tx, want)
	if err != nil {
		return Given{}, err
	}
	return r.give(tx, t, want, ""), nil
}

// give puts a new claim on the task; from is who hands it over.
func (r Rules) give(tx *state.Tx, old state.Task, want Wish, from string) Given {
	t, owner := old, cmp.Or(want.Owner, r.Actor)
	c, token := tx.GiveClaim(t.ID, owner, r.Actor, cmp.Or(want.Lease, DefaultLease))
	t.Status, t.Owner, t.LeaseExpiresAt = state.InProgress, owner, c.ExpiresAt
	now := state.Attempt{Owner: owner, ClaimedAt: tx.At(), Claim: c.Number}
	if from == "" {
		now.Actor = r.behind(owner)
	}
	t.Attempts = append(endForgotten(t.Attempts, tx.At()), now)
	t = tx.PutTask(t)
	detail := state.Fields{"owner": owner, "lease_seconds": c.Lease}
	for key, value := range map[string]string{"from": from, "session": r.Session, "thread": r.Thread} {
		if value != "" {
			detail[key] = value
		}
	}
	tx.Emit(TaskEvent(state.TaskClaimed, r.Actor, old, t, detail))
	return Given{Task: t, Token: token, ExpiresAt: c.ExpiresAt}
}

// behind is who claims for an owner, where the client tells its sessions apart and the
// owner has another name.
func (r Rules) behind(owner string) string {
	if r.Session == "" && r.Thread == "" || owner == r.Actor {
		return ""
	}
	return r.Actor
}

// own returns the claim that the call carries, and its task.
func (r Rules) own(tx *state.Tx, id int, passed state.Token) (state.Task, state.Claim, error) {
	id = cmp.Or(id, passed.Task)
	t, err := tx.Task(id)
	if err != nil {
		return t, state.Claim{}, err
	}
	right, err := r.Now(tx, id, passed)
	if err == nil && right.Held && !t.Status.Open() {
		return t, right.Claim, state.Errorf(state.Conflict, "there is nothing to hold; task_claim {} takes another one", "task %d is %s", id, t.Status).With("task_id", id)
	}
	if err == nil && !right.Held {
		err = state.Errorf(state.Conflict, fmt.Sprintf(`call task_claim {"task_id":%d} to claim it`, id), "task %d is not claimed by you", id).With("task_id", id)
	}
	return t, right.Claim, err
}

// Renew lets the lease begin anew, or hands the task over to another owner: that
// one gets a claim of its own, and the caller's holds no more.
func (r Rules) Renew(tx *state.Tx, passed state.Token, want Wish) (Given, error) {
	t, c, err := r.own(tx, want.Task, passed)
	if err != nil {
		return Given{}, err
	}
	want.Lease = cmp.Or(want.Lease, c.Lease)
	if want.Owner != "" && want.Owner != c.Owner {
		return r.handOver(tx, t, c, want), nil
	}
	c.Lease = want.Lease
	c = tx.RenewClaim(c)
	t.LeaseExpiresAt = c.ExpiresAt
	return Given{Task: tx.PutTask(t), Token: passed, ExpiresAt: c.ExpiresAt}, nil
}

func (r Rules) handOver(tx *state.Tx, t state.Task, c state.Claim, want Wish) Given {
	endAttempt(tx, &t, c, state.OutcomeHandedOver, tx.At())
	given := r.give(tx, t, want, c.Owner)
	tx.KeepRuns(t.ID, c.Runs)
	given.Passed = true
	return given
}

// Release gives the task back: the next may take it.
func (r Rules) Release(tx *state.Tx, id int, passed state.Token) (state.Task, error) {
	old, c, err := r.own(tx, id, passed)
	if err != nil {
		return old, err
	}
	return r.letGo(tx, old, c, state.OutcomeReleased, nil), nil
}

// Override ends whatever claim is on a task, without its token: a person's
// override. Unless force, a claim whose lease still goes on is left alone. A task
// that is in progress by a claim that the board has forgotten is let go too.
func (r Rules) Override(tx *state.Tx, id int, force bool) (state.Task, error) {
	c, claimed, err := tx.Claim(id)
	if err != nil {
		return state.Task{}, err
	}
	old, err := tx.Task(id)
	switch {
	case err != nil && claimed && (force || r.Lapsed(&tx.View, c)): // no file to note it in
		tx.EndClaim(id)
		return state.Task{ID: id, Subject: "(its file cannot be read)"}, nil
	case err != nil:
		return old, err
	case !claimed && old.Status == state.InProgress && old.OpenAttempt():
		return r.letForgotten(tx, old), nil
	case !claimed:
		return old, state.Errorf(state.Conflict, "there is nothing to release", "nobody holds task %d", id).With("task_id", id)
	case r.Lapsed(&tx.View, c):
		err = r.expire(tx, c)
		t, _ := tx.Task(id)
		return t, err
	case !force:
		return old, r.claimHeld(&tx.View, c)
	}
	return r.letGo(tx, old, c, state.OutcomeOverridden, state.Fields{"forced": true}), nil
}

// letGo ends a claim on a task that is not done, and tells: the next may take it,
// with its worktree.
func (r Rules) letGo(tx *state.Tx, old state.Task, c state.Claim, outcome string, detail state.Fields) state.Task {
	name, at := state.TaskReleased, tx.At()
	detail = With(detail, "owner", c.Owner)
	t := old
	if outcome == state.OutcomeExpired {
		name, at = state.TaskExpired, min(c.ExpiresAt, at)
	}
	endAttempt(tx, &t, c, outcome, at)
	if t.Status == state.InProgress {
		t.Status, t.Owner = state.Pending, ""
	}
	t = tx.PutTask(t)
	if outcome == state.OutcomeExpired {
		detail["lost"] = t.LostHolders()
	}
	tx.Emit(TaskEvent(name, r.Actor, old, t, detail))
	return t
}

// letForgotten is letGo for a claim that the board does not know any more.
func (r Rules) letForgotten(tx *state.Tx, old state.Task) state.Task {
	t := old
	t.Attempts = endForgotten(t.Attempts, tx.At())
	t.Status, t.Owner, t.LeaseExpiresAt = state.Pending, "", 0
	t = tx.PutTask(t)
	tx.Emit(TaskEvent(state.TaskReleased, r.Actor, old, t, state.Fields{"owner": old.Owner, "forgotten": true}))
	return t
}

// expire ends a claim whose lease is over: the task can be claimed again.
func (r Rules) expire(tx *state.Tx, c state.Claim) error {
	old, err := tx.Task(c.Task)
	if code := state.CodeOf(err); err != nil && (code == state.NotFound || code == state.Corrupt) {
		tx.EndClaim(c.Task) // a file that cannot be read holds up nobody else
		return nil
	}
	if err == nil {
		r.letGo(tx, old, c, state.OutcomeExpired, nil)
	}
	return err
}

// expireIdle is expire, unless a worktree operation is unfinished for the task: that
// keeps the claim alive until it is over, by itself or by recovery.
func (r Rules) expireIdle(tx *state.Tx, c state.Claim) error {
	if unfinished, err := tx.Unfinished("", &c.Task); err != nil || unfinished != nil {
		return err
	}
	return r.expire(tx, c)
}

// EndLapsed ends the claims whose lease is over, and counts those of an earlier boot
// by the clock of this one.
func (r Rules) EndLapsed(tx *state.Tx) error {
	all, err := tx.Claims()
	errs := []error{err}
	for _, c := range all {
		switch {
		case r.Lapsed(&tx.View, c):
			errs = append(errs, r.expireIdle(tx, c))
		case !tx.OfThisBoot(c):
			tx.RebaseClaim(c)
		}
	}
	return errors.Join(errs...)
}

// NextLapse is when the next lease is over, and whether one is already; 0 where
// nothing is claimed.
func (r Rules) NextLapse(v *state.View) (next time.Duration, overdue bool, err error) {
	const again = time.Second // for one that a run keeps alive
	all, err := v.Claims()
	for _, c := range all {
		left := v.LeaseLeft(c)
		overdue = overdue || !v.OfThisBoot(c) || left <= 0 && r.Lapsed(v, c)
		if left <= 0 {
			left = again
		}
		if next == 0 || left < next {
			next = left
		}
	}
	return next, overdue, err
}

// endAttempt takes the claim off the task, and notes how it ended.
func endAttempt(tx *state.Tx, t *state.Task, c state.Claim, outcome string, at float64) {
	tx.EndClaim(t.ID)
	t.LeaseExpiresAt = 0
	attempts := slices.Clone(t.Attempts)
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
