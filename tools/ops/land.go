package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// Land asks for the work of a lane to land in a branch, or for a landing to be undone.
type Land struct {
	Worktree     state.Worktree // the lane; of an undo, as far as it is known
	Head         string         // the commit that lands, a full object id
	Strategy     string
	CompleteTask bool
	Since        string         // what it has as well is in the target by another landing; "" for nothing
	Again        *Again         // the lane was taken back since, though its commits are in the history
	Undo         *state.Landing // is taken back
	Claim        state.Token    `json:"-"`
	By           *rules.Rules   `json:"-"` // of who asks, where that is not who lands it

	// Words are the message of the commit that the landing makes, if it makes one.
	Words func([]git.Commit) string `json:"-"`
}

// Again says from where on a squash takes a lane whose commits the target has in its
// history, and has taken back.
type Again struct {
	Base    string
	Commits int
}

// Landed is what became of it.
type Landed struct {
	state.Landing
	Task     *state.Task // as it is now
	Checkout string      // that moved along with the target; "" for none
	Files    int         // that changed in the target
}

// Refused are the errors of landings that were to land together, by their place among
// them; nil where nothing was against one. Nothing was changed.
type Refused []error

// Error has all of them.
func (r Refused) Error() string { return errors.Join(r...).Error() }

// Unwrap gives them to errors.Is.
func (r Refused) Unwrap() []error { return r }

// ErrTipMoved says that the target is not where it was when the landing was planned.
// Nothing was changed.
var ErrTipMoved = errors.New("the target has moved since")

// landing is one landing while it goes on, or as its intent has it.
type landing struct {
	Ops
	Land
	mark
	move  state.Move
	files int
	out   Landed
}

func (o Ops) landingOf(in state.Intent) kind {
	l := &landing{Ops: o, Land: Land{Worktree: worktreeOf(in), CompleteTask: in.CompleteTask}, mark: mark{in}}
	if in.Moves != nil {
		l.move = *in.Moves
	}
	return recovered{l}
}

func (l *landing) plan() state.Intent {
	in := intentOf(state.IntentLand, l.Worktree, l.Rules.Actor)
	in.CompleteTask, in.Moves = l.CompleteTask, &l.move
	return in
}

// announce says on the board what is about to land.
func (l *landing) announce(tx *state.Tx) error {
	w, err := rules.Live(&tx.View, l.Worktree.Name)
	switch {
	case l.Undo != nil && state.CodeOf(err) == state.NotFound: // the lane is gone, its landing is not
	case err != nil:
		return err
	default:
		if err := l.Rules.EnterWorktree(tx, w, l.Claim); err != nil {
			return err
		}
		l.Worktree.TaskID, l.move.TaskID = w.TaskID, w.TaskID
	}
	tx.Emit(l.event(state.WorktreeMergeBefore, nil))
	return nil
}

func (l *landing) gitMove(ref string, inherit []*os.File) git.Move {
	reason := fmt.Sprintf("wt-mcp: land %s (%s)", l.Worktree.Name, l.move.ID)
	if l.move.Undoes != "" {
		reason = fmt.Sprintf("wt-mcp: undo %s (%s)", l.move.Undoes, l.move.ID)
	}
	return git.Move{Ref: ref, Old: l.move.From, New: l.move.To, Op: cmp.Or(l.move.Op, l.ID), Reason: reason, Since: state.Time(l.At), Inherit: inherit}
}

// settle puts the landing on the board, and completes the task.
func (l *landing) settle(tx *state.Tx) error {
	done := l.move.Landing
	done.At = tx.At()
	tx.PutLanding(done)
	l.out.Landing = done
	w, there, err := tx.Worktree(l.Worktree.Name)
	switch {
	case err != nil:
		return err
	case done.Undoes != "":
		err = takeBack(tx, done, w)
	case there:
		w.Landed = done.Short()
		tx.PutWorktree(w)
	}
	if err == nil {
		err = l.complete(tx, done)
	}
	tx.Emit(l.event(state.WorktreeMergeAfter, nil))
	return err
}

// takeBack notes of a landing that it is undone; of one that was undone by the one that
// is undone now, that it is not any more.
func takeBack(tx *state.Tx, done state.Landing, w state.Worktree) error {
	was, ok, err := tx.Landing(done.Undoes)
	if err != nil || !ok {
		return err
	}
	was.Undone = done.ID
	tx.PutLanding(was)
	first, undone := was.ID, done.ID
	if was.Undoes != "" {
		again, ok, err := tx.Landing(was.Undoes)
		if err != nil {
			return err
		}
		if again.Undone = ""; ok {
			tx.PutLanding(again)
		}
		first, undone = was.Undoes, ""
	}
	if w.Landed != nil && w.Landed.Landing == first {
		landed := *w.Landed
		landed.Undone = undone
		w.Landed = &landed
		tx.PutWorktree(w)
	}
	return nil
}

// complete completes the task of the lane, if that was asked.
func (l *landing) complete(tx *state.Tx, done state.Landing) error {
	if l.Worktree.TaskID == nil {
		return nil
	}
	if l.CompleteTask {
		end := &state.Closeout{Action: "merge", Reason: "landed in " + short(done.Target) + " as " + done.After, At: tx.At()}
		if err := l.Rules.CompleteTaskOf(tx, l.Worktree, end); err != nil {
			return err
		}
	}
	if t, err := tx.Task(*l.Worktree.TaskID); err == nil {
		l.out.Task = &t
	}
	return nil
}

// fail tells why nothing landed.
func (l *landing) fail(tx *state.Tx, cause error) error {
	tx.Emit(l.event(state.WorktreeMergeFailed, cause))
	return nil
}

func (l *landing) event(name state.EventName, cause error) state.Event {
	m := l.move
	e := state.Event{Event: name, Actor: l.actorOr(l.Rules.Actor), Task: rules.TaskFields(l.Worktree.TaskID),
		Worktree: state.Fields{"name": l.Worktree.Name, "path": l.Worktree.Path, "branch": m.Branch},
		Detail:   state.Fields{"target": short(m.Target), "strategy": m.Strategy, "head": m.Head, "commits": m.Commits}}
	if m.ID != "" {
		e.Detail["landing"] = m.ID
	}
	if m.Undoes != "" {
		e.Detail["undo"] = m.Undoes
	}
	if name == state.WorktreeMergeAfter {
		e.Detail["before"], e.Detail["commit"] = m.Before, m.After
	}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

// recovered is a landing whose owner died.
type recovered struct{ *landing }

func (recovered) announce(*state.Tx) (against, err error)     { return nil, nil }
func (recovered) act(context.Context, *state.Operation) error { return nil }
func (recovered) follow(context.Context, bool)                {}

// finish asks git whether the target moved, and makes its checkout whole either way.
func (l recovered) finish(ctx context.Context, op *state.Operation) error {
	lock, err := l.Git.LockTarget(ctx, l.move.Target, l.ID)
	if errors.Is(err, git.ErrNoBranch) {
		return l.died("its target "+short(l.move.Target)+" is gone", nil)
	}
	if err != nil {
		return stays{l.LandError(l.Worktree.Name, l.move.Target, err)}
	}
	defer lock.Unlock()
	end, err := l.Git.FinishMove(ctx, l.gitMove(l.move.Target, []*os.File{lock.File, op.File()}))
	if err != nil {
		return stays{l.LandError(l.Worktree.Name, l.move.Target, err)}
	}
	if len(end.Left) > 0 {
		l.Log.Warn("finished an interrupted landing; files that somebody changed since stay as they are", "worktree", l.Worktree.Name, "checkout", end.Checkout, "files", end.Left)
	}
	if !end.Landed {
		return l.died("nothing landed", nil)
	}
	l.out.Checkout = end.Checkout
	return nil
}

func short(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
