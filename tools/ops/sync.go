package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

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
		s.From, s.To, s.Base = in.Moves.From, in.Moves.To, in.Moves.Base
	}
	return s
}

func (s *synchronisation) plan() state.Intent {
	in := intentOf(state.IntentSync, s.Worktree, s.Rules.Actor)
	in.Moves = &state.Move{Landing: state.Landing{Name: s.Worktree.Name, Branch: s.Worktree.Branch, Target: s.ref()}, From: s.From, To: s.To, Base: s.Base}
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
		return MoveError(s.Worktree, err)
	}
	defer lock.Unlock()
	was := s.base()
	if err := s.Git.KeepHead(ctx, git.KeptHead{Op: s.ID, From: s.From, To: s.To, Base: was}, op.File()); err != nil {
		return GitError("sync worktree "+s.Worktree.Name, err)
	}
	s.moved, err = s.Git.Move(ctx, s.move(op, lock))
	var half *git.HalfMoved
	if errors.As(err, &half) {
		return stays{MoveError(s.Worktree, err)}
	}
	if err != nil {
		ctx, cancel := lasting(ctx)
		defer cancel()
		return errors.Join(MoveError(s.Worktree, err), s.Git.DropKeptHead(ctx, s.ID))
	}
	return nil
}

// base is what the worktree's work began from until now.
func (s *synchronisation) base() string { return s.Worktree.BaseCommit }

func (s *synchronisation) move(op *state.Operation, lock *git.TargetLock) git.Move {
	return git.Move{Ref: lock.Ref, Old: s.From, New: s.To, Op: s.ID, Only: s.Worktree.Path, Since: state.Time(s.At),
		Reason: fmt.Sprintf("wt-mcp: sync %s (%s)", s.Worktree.Name, s.ID), Inherit: []*os.File{op.File(), lock.File}}
}

// finish goes on where the branch has moved, and takes back what was begun where not.
func (s *synchronisation) finish(ctx context.Context, op *state.Operation) error {
	lock, err := s.Git.LockTarget(ctx, s.ref(), s.ID)
	if errors.Is(err, git.ErrNoBranch) {
		return s.died("its branch is gone", nil)
	}
	if err != nil {
		return stays{MoveError(s.Worktree, err)}
	}
	defer lock.Unlock()
	done, err := s.Git.FinishMove(ctx, s.move(op, lock))
	if err != nil {
		return stays{MoveError(s.Worktree, err)}
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
	if ok && w.Live() {
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
	if len(s.left) > 0 {
		e.Detail["left"] = s.left
	}
	return e
}

// MoveError says in the contract's terms why the checkout of a worktree, and its branch
// with it, did not move.
func MoveError(w state.Worktree, err error) error {
	var way *git.InTheWay
	var half *git.HalfMoved
	what := obstacle(err)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &half):
		e := state.Errorf(state.GitFailed, "see to what failed, such as a full disk; the next call about the worktree goes on with it", "%v", half)
		e.Err = half.Err
		return e
	case errors.As(err, &way):
		return inTheWay(w, way)
	case errors.Is(err, git.ErrBranchMoved):
		return state.Errorf(state.Conflict, "repeat the call", "branch %s was moved meanwhile: %s; nothing was changed", w.Branch, what)
	case errors.Is(err, git.ErrOperation):
		return state.Errorf(state.Conflict, "conclude it or take it back, through worktree_run, then repeat the call", "worktree %s: %s is under way; nothing was changed", w.Name, what)
	case errors.Is(err, git.ErrConflicted):
		return state.Errorf(state.Dirty, "resolve and git add them, then repeat the call", "worktree %s has unmerged files: %s; nothing was changed", w.Name, what)
	case errors.Is(err, git.ErrCheckedOut), errors.Is(err, git.ErrAway):
		return state.Errorf(state.Conflict, "switch the others away from it, or git worktree prune what is gone", "branch %s: %v; nothing was changed", w.Branch, err)
	case errors.Is(err, git.ErrBusy):
		return state.Errorf(state.Busy, "repeat the call", "%s; nothing was changed", what)
	case errors.Is(err, git.ErrUnapproved):
		return state.Errorf(state.GitFailed, "for the user: wt-mcp trust shows and approves it", "the files need %s of the repository's git configuration, which the user has not approved; nothing was changed", what)
	}
	return GitError("move worktree "+w.Name, err)
}

func inTheWay(w state.Worktree, way *git.InTheWay) error {
	const most = 50
	files, words := []state.Fields{}, []string{}
	for _, f := range way.Files[:min(len(way.Files), most)] {
		files = append(files, state.Fields{"path": f.Path, "kind": f.Kind})
		words = append(words, f.Path+" ("+f.Kind+")")
	}
	return state.Errorf(state.Dirty, fmt.Sprintf(`commit them with worktree_commit {"name":%q,…} or move them away, then repeat the call`, w.Name),
		"%d files with uncommitted work are in the way in %s: %s; nothing was changed", len(way.Files), w.Name, state.Visible(state.Clip(strings.Join(words, ", "), 500))).
		With("files", files).With("count", len(way.Files))
}
