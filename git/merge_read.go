package git

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// read asks git for all that a chain is made from: three runs, however many lanes.
func (p *planner) read(ctx context.Context) error {
	tree := make(chan error, 1)
	go func() {
		var err error
		p.tip.tree, err = p.treeOf(ctx, p.Target)
		tree <- err
	}()
	err := p.readHistory(ctx)
	if err = errors.Join(<-tree, err); err != nil {
		return err
	}
	p.tip.commit = p.Target
	if p.diffs, err = p.compare(ctx, p.pairs()); err != nil {
		return err
	}
	for two, list := range p.diffs {
		if two.to == p.Target {
			p.moved[two.from] = newTouched()
			p.moved[two.from].add(list)
		}
	}
	p.moved[p.Target] = newTouched()
	return nil
}

func (p *planner) treeOf(ctx context.Context, commit string) (string, error) {
	out, err := p.run(ctx, call{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{tree}"}})
	if code := exitCode(err); code == 1 || code == 128 {
		return "", refuse(ErrUnknownRevision, commit)
	}
	return strings.TrimSpace(string(out)), err
}

// readHistory leaves out the lanes whose head is no commit.
func (p *planner) readHistory(ctx context.Context) error {
	heads := p.heads()
	h, err := p.history(ctx, heads)
	if err == nil || exitCode(err) < 0 {
		p.known = h
		return err
	}
	out, checkErr := p.run(ctx, call{stdin: strings.NewReader(strings.Join(heads, "\n") + "\n"), args: []string{"cat-file", "--batch-check=%(objectname) %(objecttype)"}})
	if checkErr != nil {
		return checkErr
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if oid, kind, ok := strings.Cut(strings.TrimSpace(line), " "); ok && kind == "commit" {
			known[oid] = true
		}
	}
	for i, l := range p.Lanes {
		if p.done[i].Err == nil && !known[l.Head] {
			p.done[i].Err = refuse(ErrUnknownRevision, l.Head)
		}
	}
	if len(p.heads()) == len(heads) { // it was not for one of them
		return err
	}
	p.known, err = p.history(ctx, p.heads())
	return err
}

// heads are those of the lanes that nothing stands against yet.
func (p *planner) heads() (list []string) {
	for i := range p.Lanes {
		l := &p.Lanes[i]
		if l.Head = strings.ToLower(l.Head); !isObjectID(l.Head) && p.done[i].Err == nil {
			p.done[i].Err = refuse(ErrUnknownRevision, l.Head)
		}
		if p.done[i].Err == nil {
			list = append(list, l.Head)
		}
	}
	return list
}

// pairs are the commits to compare: what each lane changes, what the target does
// meanwhile, and, of a rebase, each of its commits.
func (p *planner) pairs() (list []pair) {
	for i, l := range p.Lanes {
		if p.done[i].Err != nil {
			continue
		}
		w := p.known.walk(l.Head)
		base := w.base()
		if base == "" || len(w.own) == 0 {
			continue
		}
		list = append(list, pair{base, l.Head})
		if base != p.Target {
			list = append(list, pair{base, p.Target})
		}
		for _, c := range w.own {
			if l.Strategy == StrategyRebase && w.linear {
				list = append(list, pair{c.Parents[0], c.ID})
			}
		}
	}
	slices.SortFunc(list, pair.compare)
	return slices.Compact(list)
}

func (two pair) compare(other pair) int {
	if c := strings.Compare(two.from, other.from); c != 0 {
		return c
	}
	return strings.Compare(two.to, other.to)
}
