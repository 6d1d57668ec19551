package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/include"
	"wt-mcp/tools/rules"
)

// Ops makes changes of one board and its repository for one caller. It is safe for
// concurrent use by goroutines and processes.
type Ops struct {
	State state.Store
	Git   *git.Repo
	Log   *slog.Logger
	Rules rules.Rules

	Change  func(context.Context, func(*state.Tx) error) error     // changes the board
	Include func(ctx context.Context, path string) *include.Result // copies into a new worktree what git ignores
	Limit   func() int64                                           // bytes of files in one snapshot at most

	Recovered func(context.Context, state.Worktree) // follows a creation that was finished for the dead
	Removed   func(git.Trash)                       // follows a removal, whoever made it
}

// kind is one kind of operation while it goes on.
type kind interface {
	plan() state.Intent // what is stored; its name and task must be free
	begun(state.Intent) // as it is stored

	// announce reserves on the board what the operation needs, and tells. It may run
	// twice. against is what already stands against it: that is told, and nothing done.
	announce(tx *state.Tx) (against, err error)
	act(context.Context, *state.Operation) error
	finish(context.Context, *state.Operation) error // act for one whose owner died
	settle(*state.Tx) error                         // puts the outcome on the board, and tells
	fail(tx *state.Tx, cause error) error           // tells that act failed
	follow(ctx context.Context, recovered bool)     // once it is settled
}

// mark is the intent as it is stored.
type mark struct{ state.Intent }

func (m *mark) begun(in state.Intent) { m.Intent = in }

// stays is the error of an operation that has not come to its end: its intent stays
// on the board, and whoever next wants the worktree goes on with it.
type stays struct{ error }

func (s stays) Unwrap() error { return s.error }

// unsettled is the error of an operation that did what it should, but could not end
// that on the board, where its intent stays.
type unsettled struct{ error }

func (u unsettled) Unwrap() error { return u.error }

// run makes one operation.
func (o Ops) run(ctx context.Context, k kind) error {
	op, err := o.State.NewOperation()
	if err != nil {
		return err
	}
	defer op.Close()
	if err := o.announce(ctx, op, k); err != nil {
		return err
	}
	cause := k.act(ctx, op)
	ctx, cancel := lasting(ctx)
	defer cancel()
	var left stays
	if errors.As(cause, &left) {
		return unsettled{left.error}
	}
	if err := o.end(ctx, op, k, cause); err != nil || cause != nil {
		return errors.Join(cause, err)
	}
	k.follow(ctx, false)
	return nil
}

// announce takes what the operation needs on the board.
func (o Ops) announce(ctx context.Context, op *state.Operation, k kind) error {
	var against error
	in := k.plan()
	err := o.Clear(ctx, in.Name, in.TaskID, func(tx *state.Tx) (err error) {
		if against, err = k.announce(tx); err != nil {
			return err
		}
		if against != nil {
			return k.fail(tx, against)
		}
		k.begun(tx.PutIntent(op, k.plan()))
		return nil
	})
	return errors.Join(err, against)
}

// end takes the intent off the board, with the outcome.
func (o Ops) end(ctx context.Context, op *state.Operation, k kind, cause error) error {
	err := o.Change(ctx, func(tx *state.Tx) error {
		tx.DropIntent(op)
		if cause != nil {
			return k.fail(tx, cause)
		}
		return k.settle(tx)
	})
	if err != nil && cause == nil {
		return unsettled{err}
	}
	return err
}

// unrecorded words an unsettled operation: what was done, and that the board does not
// say so yet.
func unrecorded(done string, err error) error {
	var left unsettled
	if !errors.As(err, &left) {
		return err
	}
	e := state.Errorf(state.CodeOf(left.error), "see to what failed, such as a full disk; the next call about the worktree ends it", "%s, but that could not be put on the board", done)
	var board *state.Error
	if e.Err = left.error; errors.As(left.error, &board) && board.Err != nil {
		e.Err = board.Err
	}
	return e
}

// cleanupTime bounds what must still be done for a call that has ended.
const cleanupTime = 30 * time.Second

// lasting is a context for steps that a cancelled call must not leave out.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// intentOf is what is stored of an operation on a worktree.
func intentOf(kind string, w state.Worktree, actor string) state.Intent {
	return state.Intent{Kind: kind, Name: w.Name, Path: w.Path, Branch: w.Branch, BaseRef: w.BaseRef, BaseCommit: w.BaseCommit,
		Target: w.Target, Adopted: w.Adopted, TaskID: w.TaskID, Actor: actor}
}

// worktreeOf is what an intent says of its worktree.
func worktreeOf(in state.Intent) state.Worktree {
	return state.Worktree{Name: in.Name, Path: in.Path, Branch: in.Branch, BaseRef: in.BaseRef, BaseCommit: in.BaseCommit, Target: in.Target,
		Adopted: in.Adopted, TaskID: in.TaskID}
}

// BranchOf is the branch that the board makes for a worktree of that name.
func BranchOf(name string) string { return "wt/" + name }

// Meta is what the board wants to know when a snapshot is restored. It is part of the
// snapshot.
type Meta struct {
	Name       string `json:"name"`
	Branch     string `json:"branch,omitempty"`
	BaseRef    string `json:"base_ref,omitempty"`
	BaseCommit string `json:"base_commit,omitempty"`
	Target     string `json:"target,omitempty"`
	Adopted    bool   `json:"adopted,omitempty"`
	TaskID     *int   `json:"task_id,omitempty"`
	Note       string `json:"note,omitempty"`
	Actor      string `json:"actor,omitempty"`
}

// MetaOf writes it for a worktree, with a note of why.
func MetaOf(w state.Worktree, note, actor string) json.RawMessage {
	data, err := json.Marshal(Meta{Name: w.Name, Branch: w.Branch, BaseRef: w.BaseRef, BaseCommit: w.BaseCommit,
		Target: w.Target, Adopted: w.Adopted, TaskID: w.TaskID, Note: state.Clip(note, 2000), Actor: actor})
	if err != nil {
		return nil // strings and numbers always can be written
	}
	return data
}

// GitError says in the contract's terms what git refused.
func GitError(doing string, err error) error {
	var known *state.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return &state.Error{Code: state.Cancelled, Message: doing + " was cancelled", Err: err}
	}
	return &state.Error{Code: state.GitFailed, Message: doing, Err: err,
		Hint: "nothing was changed; " + SystemHint(err, "mend what git says, then repeat the call")}
}

// actorOr is who began an operation that has begun, else the caller.
func (m *mark) actorOr(caller string) string {
	if m.ID != "" {
		return m.Actor
	}
	return caller
}

// died is the cause of an operation that ended with its owner.
func (m *mark) died(what string, err error) error {
	if err != nil {
		return fmt.Errorf("interrupted: %s died, %w", m.Holder, err)
	}
	return fmt.Errorf("interrupted: %s died; %s", m.Holder, what)
}
