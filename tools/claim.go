package tools

import (
	"context"
	"slices"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// rules are those of the board for its caller.
func (b *Board) rules() rules.Rules {
	return rules.Rules{Actor: b.Actor, Session: b.Session, Thread: b.Thread, Held: b.Held, Run: b.Runs.Alive}
}

func claimWithoutTask() error {
	return state.Invalid("claim", "pass task_id with it", "says nothing without task_id")
}

// hold makes sure that the call may change a worktree, whose task may be claimed, for
// what is no change of the board. Nothing is written unless there is something to
// renew or to end.
func (b *Board) hold(ctx context.Context, w state.Worktree, passed state.Token) error {
	if w.TaskID == nil {
		return rules.NoTask(w, passed)
	}
	law := b.rules()
	var right rules.Right
	due := false
	err := b.State.View(ctx, func(v *state.View) (err error) {
		right, err = law.Look(v, *w.TaskID, passed)
		due = law.Due(v, right)
		return err
	})
	law.Told(right)
	if state.CodeOf(err) == state.NotFound || b.ReadOnly {
		return nil
	}
	if err != nil || !due {
		return err
	}
	return b.update(ctx, func(tx *state.Tx) error { return law.EnterWorktree(tx, w, passed) })
}

// Recover finishes or undoes what dead processes left half done, see [ops.Ops.Recover].
func (b *Board) Recover(ctx context.Context) error { return b.ops().Recover(ctx) }

// TendClaims ends the claims whose lease is over, once what dead processes left half
// done is finished or undone. It returns for how long nothing is to be done again; 0
// where nothing is claimed.
func (b *Board) TendClaims(ctx context.Context) (time.Duration, error) {
	d, err := b.duties(ctx)
	if d.dead && b.ops().RecoverDead(ctx) {
		d, err = b.duties(ctx)
	}
	if err != nil || !d.overdue {
		return d.next, err
	}
	return d.next, b.update(ctx, b.rules().EndLapsed)
}

// duty is what is to be done behind the calls.
type duty struct {
	dead    bool          // an operation's process died
	overdue bool          // a lease is over
	next    time.Duration // when the next one will be
}

// duties looks once for all of it: that is done after every call.
func (b *Board) duties(ctx context.Context) (d duty, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		intents, err := v.Intents()
		if err != nil {
			return err
		}
		d.dead = slices.ContainsFunc(intents, func(in state.Intent) bool { return !v.Going(in.ID) })
		d.next, d.overdue, err = b.rules().NextLapse(v)
		return err
	})
	return d, err
}

// ReleaseTask ends whatever claim is on a task, without its token: a person's
// override, see [rules.Rules.Override].
func (b *Board) ReleaseTask(ctx context.Context, id int, force bool) (t state.Task, err error) {
	err = b.ops().Clear(ctx, "", &id, func(tx *state.Tx) (err error) {
		t, err = b.rules().Override(tx, id, force)
		return err
	})
	return t, err
}
