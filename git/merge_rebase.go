package git

import (
	"context"
	"errors"
	"strings"
)

// rebase picks the commits of a lane one after the other, as git rebase does: merges
// are left out, and so is what the target has already.
func (p *planner) rebase(ctx context.Context, i int, w walk) error {
	picks, err := p.picks(ctx, p.Lanes[i])
	if err != nil {
		return err
	}
	at, landed := p.tip, []Commit{}
	for _, c := range picks {
		next, err := p.pick(ctx, i, at, c)
		var conflicts *Conflicts
		if errors.As(err, &conflicts) {
			conflicts.Commit = c
		}
		if err != nil {
			return err
		}
		if next != at {
			landed = append(landed, *c)
		}
		at = next
	}
	if at == p.tip {
		p.done[i].Nothing = true
		return nil
	}
	changes, err := p.between(ctx, p.tip.commit, at.tree)
	if err != nil {
		return err
	}
	p.done[i].Commits = landed
	p.settle(i, w, at.commit, at.tree, changes)
	p.tip = at
	return nil
}

// picks are the commits that git rebase would pick: those that are no merge, and of
// whose change the target has no commit. Ones that change nothing are always among them.
func (p *planner) picks(ctx context.Context, lane Lane) (list []*Commit, err error) {
	args := []string{"rev-list", "--topo-order", "--reverse", "--no-merges", "--cherry-mark", "--right-only",
		"--no-commit-header", "--format=%m%H", p.tip.commit + "..." + lane.Head}
	if lane.Since != "" {
		args = append(args, "^"+lane.Since)
	}
	out, err := p.run(ctx, call{args: append(args, "--")})
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		c := p.known.commits[line[min(1, len(line)):]]
		if c == nil {
			return nil, errors.New("git rev-list said " + clipWords(line))
		}
		if line[0] != '=' || c.empty(p.parentTree(c)) {
			list = append(list, c)
		}
	}
	return list, nil
}

// parentTree is the tree that a commit changes; "" where it has no parent.
func (p *planner) parentTree(c *Commit) string {
	if len(c.Parents) == 0 {
		return ""
	}
	return p.known.tree(c.Parents[0])
}

// pick puts the change of a commit onto another one. It stays there where that has the
// change by now.
func (p *planner) pick(ctx context.Context, i int, at tip, c *Commit) (tip, error) {
	if len(c.Parents) == 1 && c.Parents[0] == at.commit {
		return tip{c.ID, c.Tree}, nil
	}
	before := p.parentTree(c)
	tree, err := p.pickTree(ctx, i, at, before, c)
	if err != nil || tree == at.tree && !c.empty(before) {
		return at, err
	}
	one := making{author: c.Author, date: c.AuthorDate, message: strings.TrimLeft(c.Message, "\n")}
	commit, err := p.commitTree(ctx, one, tree, at.commit)
	changes, known := p.diffs[pair{firstOf(c.Parents), c.ID}]
	if err == nil && known && p.layout.whole == at.commit && keepsAttributes(changes) {
		p.layout.whole = commit
	}
	return tip{commit, tree}, err
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// pickTree merges the change between two trees into a third one.
func (p *planner) pickTree(ctx context.Context, i int, at tip, before string, c *Commit) (string, error) {
	switch before {
	case at.tree:
		return c.Tree, nil
	case c.Tree:
		return at.tree, nil
	case "":
		var err error
		if before, err = p.scratch.write("tree", "", len(at.tree)); err != nil {
			return "", err
		}
	}
	return p.threeWay(ctx, i, before, at, c.Tree)
}

// threeWay merges trees, given to git as commits that begin at one with the tree before.
func (p *planner) threeWay(ctx context.Context, i int, before string, ours tip, theirs string) (string, error) {
	base, err := p.scratch.commit(before)
	if err != nil {
		return "", err
	}
	mine, err := p.scratch.commit(ours.tree, base)
	if err != nil {
		return "", err
	}
	other, err := p.scratch.commit(theirs, base)
	if err != nil {
		return "", err
	}
	dir, err := p.attributes(ctx, ours.commit, nil)
	if err != nil {
		return "", err
	}
	if len(p.drivers) > 0 {
		differ, err := p.between(ctx, mine, theirs)
		if err == nil {
			err = p.judge(ctx, i, dir, pathsOf(differ))
		}
		if err != nil {
			return "", err
		}
	}
	return p.mergeTree(ctx, mine, other, dir)
}

func pathsOf(list []change) (paths []string) {
	for _, c := range list {
		paths = append(paths, c.path)
	}
	return paths
}
