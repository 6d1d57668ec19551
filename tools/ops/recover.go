package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"wt-mcp/state"
)

// Clear changes the board once a worktree's name, and a task, are free of unfinished
// operations. One whose owner is dead is finished or undone first, with all that
// belongs to that; one that is going on makes the call busy.
func (o Ops) Clear(ctx context.Context, name string, task *int, then func(*state.Tx) error) error {
	return o.clear(ctx, []state.Intent{{Name: name, TaskID: task}}, then)
}

// clear is Clear for the names and tasks of several.
func (o Ops) clear(ctx context.Context, wants []state.Intent, then func(*state.Tx) error) error {
	for range 3 {
		var other *state.Intent
		err := o.Change(ctx, func(tx *state.Tx) (err error) {
			for _, want := range wants {
				if other, err = tx.Unfinished(want.Name, want.TaskID); err != nil || other != nil {
					return errors.Join(err, errInTheWay)
				}
			}
			return then(tx)
		})
		if other == nil || !errors.Is(err, errInTheWay) {
			return err
		}
		if err := o.awaitOne(ctx, *other); err != nil {
			return err
		}
	}
	return state.Errorf(state.Busy, "repeat the call", "worktree %s is being changed by others", wants[0].Name)
}

// moment is how long a call waits for an operation that is about to end, such as
// the git of one whose owner was just killed.
const moment = 1500 * time.Millisecond

// awaitOne is RecoverOne, which is repeated for a moment while the operation goes on.
func (o Ops) awaitOne(ctx context.Context, in state.Intent) error {
	for until := time.Now().Add(moment); ; {
		err := o.RecoverOne(ctx, in)
		if state.CodeOf(err) != state.Busy || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(25 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

var errInTheWay = errors.New("an operation is in the way")

// Recover finishes or undoes what dead processes left half done; what living ones
// are doing stays. It deletes no work.
func (o Ops) Recover(ctx context.Context) error {
	if err := o.State.Settle(ctx); err != nil {
		return err
	}
	intents, err := o.intents(ctx)
	errs := []error{err, o.State.SweepOperations()}
	for _, in := range intents {
		if err := o.RecoverOne(ctx, in); state.CodeOf(err) != state.Busy {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// RecoverDead finishes or undoes what processes left half done that died while this
// one ran, and reports whether that did any. What it cannot mend is for the call that
// names it to tell.
func (o Ops) RecoverDead(ctx context.Context) (some bool) {
	all, err := o.intents(ctx)
	for _, in := range all {
		if o.State.Going(in.ID) {
			continue
		}
		switch e := o.RecoverOne(ctx, in); {
		case e == nil:
			some = true
		case state.CodeOf(e) != state.Busy:
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		o.Log.Warn("recover unfinished operations", "error", err)
	}
	return some
}

func (o Ops) intents(ctx context.Context) (all []state.Intent, err error) {
	err = o.State.View(ctx, func(v *state.View) (err error) {
		all, err = v.Intents()
		return err
	})
	return all, err
}

// RecoverOne finishes or undoes one operation, if its owner is dead: Busy where it
// lives.
func (o Ops) RecoverOne(ctx context.Context, in state.Intent) error {
	op, err := o.State.TakeOver(in.ID)
	if errors.Is(err, state.ErrLockHeld) {
		since := state.Time(in.At).Format(time.RFC3339)
		return state.Errorf(state.Busy, "wait for it, then repeat the call", "%s is doing %s of worktree %s since %s",
			in.Holder, in.Kind, in.Name, since).With("holder", in.Holder).With("since", in.At)
	}
	if err != nil {
		return err
	}
	defer op.Close()
	ctx, cancel := lasting(ctx)
	defer cancel()
	all, err := o.intents(ctx)
	if err != nil || !slices.ContainsFunc(all, func(other state.Intent) bool { return other.ID == in.ID }) {
		return err
	}
	return o.goOn(ctx, op, in)
}

// goOn gets the operation of a dead owner to an end.
func (o Ops) goOn(ctx context.Context, op *state.Operation, in state.Intent) error {
	in.Interrupted = true
	k := o.kindOf(in)
	if k == nil {
		return state.Errorf(state.Corrupt, "a newer wt-mcp may know it", "operation %s is of unknown kind %q", in.ID, in.Kind)
	}
	cause := k.finish(ctx, op)
	var left stays
	if errors.As(cause, &left) {
		return left.error
	}
	if err := o.end(ctx, op, k, cause); err != nil || cause != nil {
		return err
	}
	k.follow(ctx, true)
	return nil
}

// kindOf is the operation that an intent stands for; nil for one that is not known.
func (o Ops) kindOf(in state.Intent) kind {
	switch in.Kind {
	case state.IntentCreate:
		return o.creationOf(in)
	case state.IntentRemove:
		return o.removalOf(in)
	case state.IntentRestore:
		return o.restorationOf(in)
	case state.IntentLand:
		return o.landingOf(in)
	case state.IntentSync:
		return o.synchronisationOf(in)
	}
	return nil
}
