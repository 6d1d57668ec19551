package ops

import (
	"context"
	"errors"
	"fmt"
	"os"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// Sync asks for a worktree's branch, and its files with it, to be moved from one commit
// to another that has been made.
type Sync struct {
	Worktree state.Worktree // with the branch that it is on
	From, To string         // object ids
	Base     string         // what its work begins from then
	Merge    *state.Merge   // a merge that is left to be resolved, in which To has the files; nil for a move
	Claim    state.Token
}

// Synced is what became of it.
type Synced struct {
	ID   string // of the operation
	Kept string // the ref that holds where it was
	git.Moved
}

// Sync moves the branch of a worktree. Where it was is kept under a ref first.
func (o Ops) Sync(ctx context.Context, ask Sync) (Synced, error) {
	s := &synchronisation{Ops: o, Sync: ask}
	if err := o.run(ctx, s); err != nil {
		return Synced{}, unrecorded("worktree "+ask.Worktree.Name+" was moved", err)
	}
	return Synced{ID: s.ID, Kept: git.KeptRef(s.ID), Moved: s.moved}, nil
}

type synchronisation struct {
	Ops
	Sync
	mark
	moved git.Moved
	left  []string // of an interrupted one: files that are the user's by now
}

func (o Ops) synchronisationOf(in state.Intent) kind {
	s := &synchronisation{Ops: o, Sync: Sync{Worktree: worktreeOf(in)}, mark: mark{in}}
	if in.Moves != nil {
		s.From, s.To, s.Base, s.Merge = in.Moves.From, in.Moves.To, in.Moves.Base, in.Moves.Merge
	}
	return s
}

func (s *synchronisation) plan() state.Intent {
	in := intentOf(state.IntentSync, s.Worktree, s.Rules.Actor)
	in.Moves = &state.Move{Landing: state.Landing{Name: s.Worktree.Name, Branch: s.Worktree.Branch, Target: s.ref()}, From: s.From, To: s.To, Base: s.Base, Merge: s.Merge}
	return in
}

func (s *synchronisation) ref() string { return "refs/heads/" + s.Worktree.Branch }

func (s *synchronisation) announce(tx *state.Tx) (against, err error) {
	w, err := rules.Live(&tx.View, s.Worktree.Name)
	if err != nil {
		return nil, err
	}
	s.Worktree.TaskID = w.TaskID
	return nil, s.Rules.EnterWorktree(tx, w, s.Claim)
}

func (s *synchronisation) act(ctx context.Context, op *state.Operation) error {
	lock, err := s.Git.LockTarget(ctx, s.ref(), s.ID)
	if err != nil {
		return SyncError(s.Worktree, s.Worktree.Branch, err)
	}
	defer lock.Unlock()
	was := s.base()
	if err := s.Git.KeepHead(ctx, git.KeptHead{Op: s.ID, From: s.From, To: s.To, Base: was}, op.File()); err != nil {
		return GitError("sync worktree "+s.Worktree.Name, err)
	}
	s.moved, err = s.Git.Move(ctx, s.move(op, lock))
	var half *git.HalfMoved
	if errors.As(err, &half) {
		return stays{SyncError(s.Worktree, s.Worktree.Branch, err)}
	}
	if err != nil {
		ctx, cancel := lasting(ctx)
		defer cancel()
		return errors.Join(SyncError(s.Worktree, s.Worktree.Branch, err), s.Git.DropKeptHead(ctx, s.ID))
	}
	return nil
}

// base is what the worktree's work began from until now.
func (s *synchronisation) base() string { return s.Worktree.BaseCommit }

func (s *synchronisation) move(op *state.Operation, lock *git.TargetLock) git.Move {
	m := git.Move{Ref: lock.Ref, Old: s.From, New: s.To, Op: s.ID, Only: s.Worktree.Path, Since: state.Time(s.At),
		Reason: fmt.Sprintf("wt-mcp: sync %s (%s)", s.Worktree.Name, s.ID), Inherit: []*os.File{op.File(), lock.File}}
	if s.Merge != nil {
		m.Merging = &git.Merging{Theirs: s.Merge.Theirs, Entries: s.Merge.Entries, Message: s.Merge.Message}
	}
	return m
}

// finish goes on where the branch has moved, and takes back what was begun where not.
func (s *synchronisation) finish(ctx context.Context, op *state.Operation) error {
	lock, err := s.Git.LockTarget(ctx, s.ref(), s.ID)
	if errors.Is(err, git.ErrNoBranch) {
		return s.died("its branch is gone", nil)
	}
	if err != nil {
		return stays{SyncError(s.Worktree, s.Worktree.Branch, err)}
	}
	defer lock.Unlock()
	done, err := s.Git.FinishMove(ctx, s.move(op, lock))
	if err != nil {
		return stays{SyncError(s.Worktree, s.Worktree.Branch, err)}
	}
	s.left = done.Left
	if !done.Landed {
		return s.died("nothing was moved", s.Git.DropKeptHead(ctx, s.ID))
	}
	return nil
}

// settle says on the board what the worktree's work begins from now.
func (s *synchronisation) settle(tx *state.Tx) error {
	w, ok, err := tx.Worktree(s.Worktree.Name)
	if err != nil {
		return err
	}
	if ok && w.Live() && s.Merge == nil {
		w.BaseCommit = s.Base
		tx.PutWorktree(w)
	}
	tx.Emit(s.event(nil))
	return nil
}

func (s *synchronisation) fail(tx *state.Tx, cause error) error {
	tx.Emit(s.event(cause))
	return nil
}

func (s *synchronisation) follow(context.Context, bool) {}

func (s *synchronisation) event(cause error) state.Event {
	e := state.Event{Event: state.WorktreeSync, Actor: s.actorOr(s.Rules.Actor), Task: rules.TaskFields(s.Worktree.TaskID),
		Worktree: state.Fields{"name": s.Worktree.Name, "path": s.Worktree.Path, "branch": s.Worktree.Branch}}
	if cause != nil {
		e.Error = cause.Error()
		return e
	}
	e.Detail = state.Fields{"from": s.From, "head": s.To, "kept": git.KeptRef(s.ID)}
	if s.Merge != nil {
		e.Detail["head"], e.Detail["merging"] = s.From, s.Merge.Theirs
	}
	if len(s.left) > 0 {
		e.Detail["left"] = s.left
	}
	return e
}
