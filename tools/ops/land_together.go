package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
)

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
		g.ops = append(g.ops, op)
		g.each = append(g.each, &landing{Ops: g.by(s.Land), Land: s.Land, files: s.Files, move: g.moveOf(s, op.ID)})
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

// by are the operations of who asks for a landing.
func (g *together) by(l Land) Ops {
	own := g.Ops
	if l.By != nil {
		own.Rules = *l.By
	}
	return own
}

func (g *together) moveOf(s Step, id string) state.Move {
	l := state.Landing{ID: id, Name: s.Worktree.Name, Branch: s.Worktree.Branch, TaskID: s.Worktree.TaskID, Target: g.Target, Strategy: s.Strategy,
		Head: s.Head, Before: s.Before, After: s.After, Commits: s.Commits, Actor: g.by(s.Land).Rules.Actor}
	if s.Undo != nil {
		l.Strategy, l.Undoes = state.StrategyUndo, s.Undo.ID
	}
	return state.Move{Landing: l, From: g.Tip, To: g.Commit, Op: g.ops[0].ID}
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
	moved, cause := g.Git.Move(ctx, g.gitMove(inherit))
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

// gitMove is the one move of all.
func (g *together) gitMove(inherit []*os.File) git.Move {
	m := g.each[0].gitMove(g.lock.Ref, inherit)
	if len(g.each) > 1 {
		const shown = 5
		var names []string
		for _, l := range g.each[:min(len(g.each), shown)] {
			names = append(names, l.Worktree.Name)
		}
		m.Reason = fmt.Sprintf("wt-mcp: land %d together: %s, ... (%s)", len(g.each), strings.Join(names, ", "), g.each[0].move.ID)
	}
	return m
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
