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

// Land asks for the work of a lane to land in a branch, or for a landing to be undone.
type Land struct {
	Worktree     state.Worktree // the lane; of an undo, as far as it is known
	Head         string         // the commit that lands, a full object id
	Strategy     string
	CompleteTask bool
	Again        *Again         // the lane was taken back since, though its commits are in the history
	Undo         *state.Landing // is taken back
	Claim        state.Token

	// Words are the message of the commit that the landing makes, if it makes one.
	Words func([]git.Commit) string
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

// LandAll lands what was planned, all of it by one move of the target, or nothing: its
// last commit becomes the target's tip. It fails with ErrTipMoved, or with Refused.
func (o Ops) LandAll(ctx context.Context, p Plan) ([]Landed, error) {
	g := &together{Ops: o, Plan: p}
	defer g.close()
	if err := g.begin(ctx); err != nil {
		return nil, err
	}
	return g.land(ctx)
}

// together are landings that land by one move.
type together struct {
	Ops
	Plan
	lock *git.TargetLock
	ops  []*state.Operation
	each []*landing
}

// begin takes the turn at the target. What a dead process left half done there is ended
// first.
func (g *together) begin(ctx context.Context) error {
	for _, s := range g.Steps {
		op, err := g.State.NewOperation()
		if err != nil {
			return err
		}
		g.ops, g.each = append(g.ops, op), append(g.each, &landing{Ops: g.Ops, Land: s.Land, files: s.Files, move: g.moveOf(s, op.ID)})
	}
	var err error
	if g.lock, err = g.turn(ctx, g.Target, g.ops[0].ID); err != nil {
		return g.LandError(g.each[0].Worktree.Name, g.Target, err)
	}
	if g.lock.Head != g.Tip {
		return ErrTipMoved
	}
	return nil
}

func (g *together) close() {
	if g.lock != nil {
		g.lock.Unlock()
	}
	for _, op := range g.ops {
		op.Close()
	}
}

// turn takes the turn at a target on which no landing is half done.
func (o Ops) turn(ctx context.Context, target, op string) (*git.TargetLock, error) {
	for range 3 {
		lock, err := o.Git.LockTarget(ctx, target, op)
		if err != nil {
			return nil, err
		}
		dead, err := o.deadOn(ctx, lock.Ref)
		if err == nil && len(dead) == 0 {
			return lock, nil
		}
		lock.Unlock()
		for _, in := range dead {
			err = errors.Join(err, o.RecoverOne(ctx, in))
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, state.Errorf(state.Busy, "repeat the call", "landings in %s are being recovered", target)
}

// deadOn finds the landings in a target whose owners died.
func (o Ops) deadOn(ctx context.Context, target string) (dead []state.Intent, err error) {
	all, err := o.intents(ctx)
	for _, in := range all {
		if in.Kind == state.IntentLand && in.Moves != nil && in.Moves.Target == target && !o.State.Going(in.ID) {
			dead = append(dead, in)
		}
	}
	return dead, err
}

func (g *together) moveOf(s Step, id string) state.Move {
	l := state.Landing{ID: id, Name: s.Worktree.Name, Branch: s.Worktree.Branch, TaskID: s.Worktree.TaskID, Target: g.Target, Strategy: s.Strategy,
		Head: s.Head, Before: s.Before, After: s.After, Commits: s.Commits, Actor: g.Rules.Actor}
	if s.Undo != nil {
		l.Strategy, l.Undoes = state.StrategyUndo, s.Undo.ID
	}
	return state.Move{Landing: l, From: g.Tip, To: g.Commit}
}

// land announces all, moves the target, and settles all.
func (g *together) land(ctx context.Context) ([]Landed, error) {
	if err := g.announce(ctx); err != nil {
		return nil, err
	}
	inherit := []*os.File{g.lock.File}
	for _, op := range g.ops {
		inherit = append(inherit, op.File())
	}
	moved, cause := g.Git.Move(ctx, g.each[0].gitMove(g.lock.Ref, inherit))
	ctx, cancel := lasting(ctx)
	defer cancel()
	name := g.each[0].Worktree.Name
	var half *git.HalfMoved
	if errors.As(cause, &half) {
		return nil, unrecorded("the landing of "+name+" stopped half way", unsettled{g.LandError(name, g.Target, cause)})
	}
	if err := g.end(ctx, cause); err != nil {
		return nil, unrecorded(name+" landed in "+short(g.Target), err)
	}
	if errors.Is(cause, git.ErrBranchMoved) {
		return nil, ErrTipMoved
	}
	if cause != nil {
		return nil, g.LandError(name, g.Target, cause)
	}
	var out []Landed
	for _, l := range g.each {
		l.out.Checkout, l.out.Files = moved.Checkout, l.files
		out = append(out, l.out)
	}
	return out, nil
}

// announce puts all on the board, or none: Refused says against which there is something.
func (g *together) announce(ctx context.Context) error {
	var wants []state.Intent
	for _, l := range g.each {
		wants = append(wants, l.plan())
	}
	var against Refused
	err := g.clear(ctx, wants, func(tx *state.Tx) error {
		against = make(Refused, len(g.each))
		for i, l := range g.each {
			if against[i] = l.announce(tx); against[i] == nil {
				l.begun(tx.PutIntent(g.ops[i], l.plan()))
			}
		}
		if errors.Join(against...) != nil {
			return against
		}
		return nil
	})
	if errors.As(err, &against) {
		return against
	}
	return err
}

// end takes the intents off the board, with the outcome.
func (g *together) end(ctx context.Context, cause error) error {
	err := g.Change(ctx, func(tx *state.Tx) (err error) {
		for i, l := range g.each {
			tx.DropIntent(g.ops[i])
			if cause != nil {
				err = errors.Join(err, l.fail(tx, cause))
			} else {
				err = errors.Join(err, l.settle(tx))
			}
		}
		return err
	})
	if err != nil && cause == nil {
		return unsettled{err}
	}
	return err
}

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
	reason := fmt.Sprintf("wt-mcp: land %s (%s)", l.Worktree.Name, l.ID)
	if l.move.Undoes != "" {
		reason = fmt.Sprintf("wt-mcp: undo %s (%s)", l.move.Undoes, l.ID)
	}
	return git.Move{Ref: ref, Old: l.move.From, New: l.move.To, Op: l.ID, Reason: reason, Since: state.Time(l.At), Inherit: inherit}
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
		end := &state.Closeout{Action: "land", Reason: "landed in " + short(done.Target) + " as " + done.After, At: tx.At()}
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
