package git

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Undo asks to take a landing back.
type Undo struct {
	Tip           string // the target's commit
	Before, After string // what the target was before the landing and with it
	Message       string
	Author        Person      // "" for the user
	Quarantine    *Quarantine // as in [Chain]
	Reading       bool
	Inherit       []*os.File
}

// PlanUndo computes a commit on Tip that takes back what came between Before and After,
// and leaves what has come since. Commit, Tree, Files, Nothing and Err are as for a lane
// of [Repo.PlanChain].
func (r *Repo) PlanUndo(ctx context.Context, u Undo) (Planned, error) {
	p, err := r.newPlanner(ctx, Chain{Target: u.Tip, Lanes: make([]Lane, 1), Quarantine: u.Quarantine, Reading: u.Reading, Inherit: u.Inherit})
	if err == nil {
		defer p.scratch.Close()
		err = p.undo(ctx, u)
	}
	if err != nil {
		return Planned{}, fmt.Errorf("compute undoing: %w", err)
	}
	return p.done[0], nil
}

func (p *planner) undo(ctx context.Context, u Undo) (err error) {
	trees := make([]string, 3)
	for i, commit := range []string{u.Tip, u.Before, u.After} {
		if !isObjectID(commit) {
			return fmt.Errorf("%w: object id %.100q", ErrInvalidName, commit)
		}
		if trees[i], err = p.treeOf(ctx, commit); err != nil {
			return err
		}
	}
	p.tip = tip{p.Target, trees[0]}
	p.done[0] = Planned{Commit: p.tip.commit, Tree: p.tip.tree}
	tree := trees[1]
	if trees[0] != trees[2] {
		tree, err = p.threeWay(ctx, 0, trees[2], p.tip, trees[1])
	}
	var conflicts *Conflicts
	switch {
	case errors.As(err, &conflicts), errors.Is(err, ErrUnapproved):
		p.done[0].Err = err
		return nil
	case err != nil:
		return err
	case tree == p.tip.tree:
		p.done[0].Nothing = true
		return nil
	}
	return p.takeBack(ctx, u, tree)
}

func (p *planner) takeBack(ctx context.Context, u Undo, tree string) error {
	changes, err := p.between(ctx, p.tip.commit, tree)
	if err != nil {
		return err
	}
	author := p.who.author
	if u.Author.complete() {
		author = u.Author
	}
	commit, err := p.commitTree(ctx, making{author: author, date: p.who.date, message: u.Message}, tree, p.tip.commit)
	if errors.Is(err, ErrSigning) {
		p.done[0].Err = err
		return nil
	}
	p.done[0] = Planned{Commit: commit, Tree: tree, Files: len(changes)}
	return err
}
