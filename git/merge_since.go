package git

import (
	"context"
	"strings"
)

// mergeSince is a merge of what a lane has beyond another commit: its changes are those
// since it left that, whatever became of the ones before in the target.
func (p *planner) mergeSince(ctx context.Context, i int, w walk) error {
	lane := p.Lanes[i]
	base, err := p.repo.MergeBase(ctx, lane.Since, lane.Head)
	if err != nil {
		return err
	}
	if base == "" {
		return p.merge(ctx, i, w)
	}
	beyond, err := p.beyond(ctx, w, lane)
	if err != nil {
		return err
	}
	before, err := p.treeOf(ctx, base)
	if err != nil {
		return err
	}
	tree, err := p.threeWay(ctx, i, before, p.tip, p.known.tree(lane.Head))
	if err != nil {
		return err
	}
	if len(beyond.own) == 0 || tree == p.tip.tree {
		p.done[i].Nothing = true
		return nil
	}
	if err := p.commitMerge(ctx, i, beyond, tree); err != nil {
		return err
	}
	if lane.Strategy == StrategyMerge {
		p.known.landed(w)
	}
	return nil
}

// beyond is a walk without what the lane's Since has as well.
func (p *planner) beyond(ctx context.Context, w walk, lane Lane) (walk, error) {
	out, err := p.run(ctx, call{args: []string{"rev-list", lane.Head, "^" + lane.Since, "--"}})
	if err != nil {
		return w, err
	}
	left := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		left[strings.TrimSpace(line)] = true
	}
	own := w.own
	w.own = nil
	for _, c := range own {
		if left[c.ID] {
			w.own = append(w.own, c)
		}
	}
	return w, nil
}
