package rules

import (
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
)

// Right is what a call has on a task. The zero value: nobody has claimed it.
type Right struct {
	Claim  state.Claim
	Held   bool // by the caller
	Lapsed bool // its lease is over, and nobody has ended it yet

	lost state.Token // what the caller had; to be forgotten once that is told
}

// Look decides whether a call may change a task. It changes nothing: a View may look
// twice. What the caller has lost is to be told once, see [Rules.Told].
func (r Rules) Look(v *state.View, task int, passed state.Token) (Right, error) {
	token, err := r.token(task, passed)
	if err != nil {
		return Right{}, err
	}
	c, claimed, err := v.Claim(task)
	if err != nil {
		return Right{}, err
	}
	right := Right{Claim: c, Lapsed: claimed && r.Lapsed(v, c)}
	if token.IsZero() && r.Vouched != 0 {
		if right.Held = claimed && c.Number == r.Vouched && !right.Lapsed; right.Held {
			return right, nil
		}
		return right, r.lost(v, state.Token{Task: task, Number: r.Vouched}, c, right.Lapsed)
	}
	switch {
	case !token.IsZero() && claimed && c.ProvedBy(token) && !right.Lapsed:
		right.Held = true
	case !token.IsZero():
		if err := r.lost(v, token, c, right.Lapsed); err != nil {
			right.lost = token
			return right, err
		}
	case claimed && !right.Lapsed:
		return right, r.claimHeld(v, c)
	}
	return right, nil
}

// Told forgets what the caller has lost and hears of now.
func (r Rules) Told(right Right) { r.Held.Forget(right.lost) }

// Now is Look for a change. What the caller has lost is told once.
func (r Rules) Now(tx *state.Tx, task int, passed state.Token) (Right, error) {
	right, err := r.Look(&tx.View, task, passed)
	r.Told(right)
	return right, err
}

// Lapsed reports whether the lease is over and no run keeps the claim alive; at the
// end of a run it begins anew, also before that end is told.
func (r Rules) Lapsed(v *state.View, c state.Claim) bool {
	if v.LeaseLeft(c) > 0 {
		return false
	}
	for _, id := range c.Runs {
		if going, ended := r.Run(id); going || ended > 0 && ended+c.Lease > v.Now() {
			return false
		}
	}
	return true
}

// lost says what became of a claim that does not hold its task any more; c is the
// one that the task has now, if any. It is nil where the holder itself closed the
// task: then there is nothing to hold.
func (r Rules) lost(v *state.View, token state.Token, c state.Claim, lapsed bool) error {
	t, err := v.Task(token.Task)
	if err != nil {
		return err
	}
	mine, known := attempt(t, token.Number)
	switch {
	case !known || c.Number == token.Number && !c.ProvedBy(token):
		return state.Invalid("claim", "pass it exactly as task_claim gave it", "was never given out for task %d", token.Task)
	case c.Number == token.Number && lapsed:
		mine.Outcome, mine.EndedAt = state.OutcomeExpired, c.ExpiresAt
	case mine.Outcome == "":
		mine.Outcome, mine.EndedAt = state.OutcomeForgotten, v.Now()
	case c.Number == 0 && (mine.Outcome == state.OutcomeCompleted || mine.Outcome == state.OutcomeDeleted):
		return nil
	}
	again := fmt.Sprintf(`task_claim {"task_id":%d}`, t.ID)
	e := state.Errorf(state.ClaimLost, "nobody holds it now; "+again+" takes it again; look at what was done meanwhile first",
		"your claim on task %d ended at %s: %s", t.ID, state.Clock(mine.EndedAt), mine.Outcome)
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

func (r Rules) claimHeld(v *state.View, c state.Claim) error {
	until := "until " + state.Clock(c.ExpiresAt)
	if left := v.LeaseLeft(c); left > 0 {
		until += fmt.Sprintf(" (for %v more, if it is not renewed)", left.Round(time.Second))
	} else {
		until = "as long as its run goes on: " + strings.Join(c.Runs, ", ")
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
