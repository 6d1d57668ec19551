package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/include"
)

// updateFree is update for a change that needs a worktree's name, and a task, to
// be free of unfinished operations. One whose owner is dead is finished or undone
// first; one that is going on makes the call busy. Where cause is set it is what
// the call answers once the change is on the board.
func (b *Board) updateFree(ctx context.Context, name string, taskID *int, fn func(*state.Tx) error, cause error) error {
	for range 3 {
		var other *state.Intent
		err := b.update(ctx, func(tx *state.Tx) (err error) {
			if other, err = tx.Unfinished(name, taskID); err != nil || other != nil {
				return errors.Join(err, errInTheWay)
			}
			return fn(tx)
		})
		if other == nil {
			return errors.Join(err, cause)
		}
		if !errors.Is(err, errInTheWay) {
			return err
		}
		if err := b.recoverOne(ctx, *other); err != nil {
			return err
		}
	}
	return state.Errorf(state.Busy, "repeat the call", "worktree %s is being changed by others", name)
}

var errInTheWay = errors.New("an operation is in the way")

// Recover finishes or undoes what dead processes left half done; what living
// ones are doing stays. It deletes no work.
func (b *Board) Recover(ctx context.Context) error {
	if err := b.State.Settle(ctx); err != nil {
		return err
	}
	var intents []state.Intent
	err := b.State.View(ctx, func(v *state.View) (err error) {
		intents, err = v.Intents()
		return err
	})
	errs := []error{err, b.State.SweepOperations()}
	for _, in := range intents {
		if err := b.recoverOne(ctx, in); state.CodeOf(err) != state.Busy {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// recoverDead finishes or undoes what processes left half done that died while
// this one ran, and reports whether that did any. What it cannot mend is for the
// call that names it to tell.
func (b *Board) recoverDead(ctx context.Context) (some bool) {
	var dead []state.Intent
	err := b.State.View(ctx, func(v *state.View) error {
		all, err := v.Intents()
		dead = slices.DeleteFunc(all, func(in state.Intent) bool { return b.State.Going(in.ID) })
		return err
	})
	for _, in := range dead {
		switch e := b.recoverOne(ctx, in); {
		case e == nil:
			some = true
		case state.CodeOf(e) != state.Busy:
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		b.Log.Warn("recover unfinished operations", "error", err)
	}
	return some
}

func (b *Board) recoverOne(ctx context.Context, in state.Intent) error {
	op, err := b.State.TakeOver(in.ID)
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
	if there, err := b.unfinished(ctx, in.ID); err != nil || !there {
		return err
	}
	in.Interrupted = true
	switch in.Kind {
	case state.IntentCreate:
		return b.recoverCreate(ctx, op, in)
	case state.IntentRemove:
		return b.recoverRemove(ctx, op, in)
	case state.IntentRestore:
		return b.recoverRestore(ctx, op, in)
	}
	return state.Errorf(state.Corrupt, "a newer wt-mcp may know it", "operation %s is of unknown kind %q", in.ID, in.Kind)
}

func (b *Board) unfinished(ctx context.Context, id string) (there bool, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		intents, err := v.Intents()
		there = false
		for _, in := range intents {
			there = there || in.ID == id
		}
		return err
	})
	return there, err
}

// recoverCreate asks git how far the creation got. A worktree that is checked out
// gets what is still to be copied, goes on the board and is set up; of any other, what the operation made is taken back.
func (b *Board) recoverCreate(ctx context.Context, op *state.Operation, in state.Intent) error {
	var included *include.Result
	add := addOf(in, op)
	add.Fill = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, cleanupTime/2)
		defer cancel()
		included = b.include(ctx, in.Path)
		return ctx.Err()
	}
	err := b.Git.FinishAdd(ctx, add)
	if err == nil {
		w, err := b.created(ctx, op, in, included)
		if err == nil {
			b.setUp(ctx, w, b.keepIfLive, 0)
		}
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) { // the next one goes on from there
		return state.Errorf(state.Busy, "repeat the call", "worktree %s is still being made ready", in.Name)
	}
	undo := b.Git.UndoAdd(ctx, addOf(in, op))
	cause := fmt.Errorf("interrupted: %s died, %w", in.Holder, err)
	if undo != nil && !errors.Is(undo, git.ErrBranchMoved) {
		return gitError("undo the interrupted creation of "+in.Name, undo)
	}
	return b.forget(ctx, op, createEvent("failed", in, cause))
}

// forget ends an operation that came to nothing.
func (b *Board) forget(ctx context.Context, op *state.Operation, e state.Event) error {
	return b.update(ctx, func(tx *state.Tx) error {
		tx.DropIntent(op)
		tx.Emit(e)
		return nil
	})
}

// recoverRemove goes on with a removal that took the directory away, and drops
// one that had not yet. What lies at its path by now stays.
func (b *Board) recoverRemove(ctx context.Context, op *state.Operation, in state.Intent) error {
	err := b.Git.ClearSnapshotLock(ctx, in.ID, state.Time(in.At))
	if err == nil && in.Branch != "" {
		err = b.Git.ClearBranchLocks(ctx, in.Branch, state.Time(in.At))
	}
	var trash git.Trash
	if err == nil {
		rm := removeOf(in, op)
		rm.Limit = b.settings().SnapshotBytes
		trash, err = b.Git.FinishRemove(ctx, rm)
	}
	if errors.Is(err, git.ErrPathExists) {
		return b.forget(ctx, op, removeEvent("failed", in, fmt.Errorf("interrupted: %s died; nothing was removed", in.Holder)))
	}
	if err != nil {
		return gitError("finish the interrupted removal of "+in.Name, err)
	}
	if onDisk(in.Path) {
		b.Log.Warn("finished an interrupted removal; what somebody made at its path since stays", "worktree", in.Name, "path", in.Path, "trash", trash.Dir)
	}
	_, err = b.removed(ctx, op, in, trash)
	return err
}
