package ops

import (
	"context"
	"errors"

	"wt-mcp/git"
	"wt-mcp/state"
)

// Plan is what landings in one target would do, one after the other: Commit becomes its
// tip. Nothing of it is on the board, and no ref has moved; the objects are there.
type Plan struct {
	Target string // full name of the branch
	Tip    string // where it was when this was planned
	Commit string // where it would be; Tip where nothing is to land
	Tree   string // of that commit
	Steps  []Step

	Checkout string // of a forecast: the one that would move along
}

// Step is what one landing of a plan would do.
type Step struct {
	Land
	Before, After string // the target's tip around it
	Commits       int    // of the lane
	Files         int    // that change in the target
	Nothing       string // how the target has the work already: then there is nothing to do
	Undriven      []string
	Err           error // why it does not land: the others go on without it
}

// lands reports whether a step changes the target.
func (s Step) lands() bool { return s.Err == nil && s.Nothing == "" }

// PlanAll computes landings in a target, by its full name, on its tip as it is now, each on top of the one
// before. One that cannot land has its error and is left out. Nothing moves. An undo is
// planned alone.
func (o Ops) PlanAll(ctx context.Context, target string, asks []Land) (Plan, error) {
	return o.planIn(ctx, target, asks, nil)
}

// planIn has the objects go into a quarantine, and then runs no program of anybody's.
func (o Ops) planIn(ctx context.Context, target string, asks []Land, q *git.Quarantine) (Plan, error) {
	name := asks[0].Worktree.Name
	tip, ok, err := o.Git.Branch(ctx, short(target))
	if err == nil && !ok {
		err = git.ErrNoBranch
	}
	if err != nil {
		return Plan{}, o.LandError(name, target, err)
	}
	done, err := o.compute(ctx, tip, asks, q)
	if err != nil {
		return Plan{}, o.LandError(name, target, err)
	}
	p := Plan{Target: target, Tip: tip, Commit: tip}
	for i, ask := range asks {
		s := o.step(ctx, ask, done[i], p.Commit)
		if s.Err = o.stepError(ask, target, s.Err); s.lands() {
			p.Commit, p.Tree = s.After, done[i].Tree
		}
		p.Steps = append(p.Steps, s)
	}
	return p, nil
}

// compute has git compute what is asked.
func (o Ops) compute(ctx context.Context, tip string, asks []Land, q *git.Quarantine) ([]git.Planned, error) {
	if one := asks[0]; one.Undo != nil || one.Again != nil {
		u := git.Undo{Tip: tip, Message: one.Words(nil), Quarantine: q, Reading: q != nil}
		if one.Undo != nil {
			u.Before, u.After = one.Undo.Before, one.Undo.After
		} else {
			u.Before, u.After = one.Head, one.Again.Base // what lies between them comes, not goes
		}
		done, err := o.Git.PlanUndo(ctx, u)
		return []git.Planned{done}, err
	}
	c := git.Chain{Target: tip, Quarantine: q, Reading: q != nil}
	for _, ask := range asks {
		c.Lanes = append(c.Lanes, git.Lane{Head: ask.Head, Strategy: git.Strategy(ask.Strategy), Message: ask.Words, Since: ask.Since})
	}
	return o.Git.PlanChain(ctx, c)
}

// step is what was computed of one landing. A lane that does not fit, but whose work is
// in the target all the same, squashed or rebased, has nothing to land.
func (o Ops) step(ctx context.Context, ask Land, done git.Planned, tip string) Step {
	s := Step{Land: ask, Before: tip, After: done.Commit, Commits: len(done.Commits), Files: done.Files, Undriven: done.Undriven, Err: done.Err}
	if ask.Undo != nil {
		s.Commits = ask.Undo.Commits
	}
	if ask.Again != nil {
		s.Commits = ask.Again.Commits
	}
	var conflicts *git.Conflicts
	if !done.Nothing && !errors.As(done.Err, &conflicts) && !errors.Is(done.Err, git.ErrNotAncestor) {
		return s
	}
	if done.Nothing {
		s.Nothing = "no-difference"
	}
	if ask.Undo == nil && ask.Again == nil {
		if l, err := o.Git.Landed(ctx, ask.Head, tip); err == nil && l.Landed {
			s.Nothing, s.Err, s.After = l.How, nil, tip
		}
	}
	return s
}

// Forecast is PlanAll for one landing, which writes no object to the repository and runs
// no program of anybody's. It also looks whether the target would move.
func (o Ops) Forecast(ctx context.Context, target string, ask Land) (p Plan, err error) {
	q, err := o.Git.NewQuarantine()
	if err != nil {
		return p, GitError("compute the landing of "+ask.Worktree.Name, err)
	}
	defer q.Close()
	if p, err = o.planIn(ctx, target, []Land{ask}, q); err == nil {
		err = p.Steps[0].Err
	}
	if err != nil || !p.Steps[0].lands() {
		return p, err
	}
	moved, err := o.Git.In(q).CheckMove(ctx, git.Move{Ref: p.Target, Old: p.Tip, New: p.Commit, Op: "forecast"})
	p.Checkout = moved.Checkout
	return p, o.LandError(ask.Worktree.Name, target, err)
}

// TellRefused tells on the board of a landing that git does not let happen.
func (o Ops) TellRefused(ctx context.Context, target string, ask Land, cause error) error {
	return o.Change(ctx, func(tx *state.Tx) error {
		l := &landing{Ops: o, Land: ask, move: state.Move{Landing: state.Landing{Name: ask.Worktree.Name, Branch: ask.Worktree.Branch,
			Target: target, Strategy: ask.Strategy, Head: ask.Head}}}
		tx.Emit(l.event(state.WorktreeMergeBefore, nil))
		return l.fail(tx, cause)
	})
}

// Complete completes the task of a lane whose work is in its target already.
func (o Ops) Complete(ctx context.Context, w state.Worktree, claim state.Token, reason string) (t *state.Task, err error) {
	err = o.Clear(ctx, w.Name, w.TaskID, func(tx *state.Tx) error {
		if err := o.Rules.EnterWorktree(tx, w, claim); err != nil {
			return err
		}
		if err := o.Rules.CompleteTaskOf(tx, w, &state.Closeout{Action: "merge", Reason: reason, At: tx.At()}); err != nil {
			return err
		}
		done, err := tx.Task(*w.TaskID)
		t = &done
		return err
	})
	return t, err
}
