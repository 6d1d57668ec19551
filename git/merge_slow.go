package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

const signLimit = 30 * time.Second // whoever asks for a passphrase, nobody answers

// slowly computes one lane by a git merge-tree for each merge.
func (p *planner) slowly(ctx context.Context, i int, w walk) error {
	var err error
	switch lane := p.Lanes[i]; {
	case lane.Strategy == StrategyRebase:
		err = p.rebase(ctx, i, w)
	case lane.Since != "":
		err = p.mergeSince(ctx, i, w)
	default:
		err = p.merge(ctx, i, w)
	}
	var conflicts *Conflicts
	if errors.As(err, &conflicts) || errors.Is(err, ErrUnapproved) || errors.Is(err, ErrSigning) {
		p.done[i].Err, err = err, nil
	}
	return err
}

// merge is one commit with the tree of a merge, on the tip.
func (p *planner) merge(ctx context.Context, i int, w walk) error {
	lane := p.Lanes[i]
	dir, err := p.attributes(ctx, p.tip.commit, p.directoriesOf(w, lane.Head))
	if err != nil {
		return err
	}
	if len(p.drivers) > 0 {
		paths, err := p.contested(ctx, w, lane.Head)
		if err == nil {
			err = p.judge(ctx, i, dir, paths)
		}
		if err != nil {
			return err
		}
	}
	tree, err := p.mergeTree(ctx, p.tip.commit, lane.Head, dir)
	if err != nil {
		return err
	}
	if tree == p.tip.tree {
		p.done[i].Nothing = true
		return nil
	}
	return p.commitMerge(ctx, i, w, tree)
}

func (p *planner) commitMerge(ctx context.Context, i int, w walk, tree string) error {
	lane := p.Lanes[i]
	changes, err := p.between(ctx, p.tip.commit, tree)
	if err != nil {
		return err
	}
	one := p.commitOf(lane, w)
	commit, err := p.commitTree(ctx, one, tree, p.tip.commit)
	if err != nil {
		return err
	}
	p.settle(i, w, commit, tree, changes)
	p.tip = tip{commit, tree}
	if lane.Strategy == StrategyMerge {
		p.known.landed(w)
	}
	return nil
}

// between lists what differs between a commit and a tree.
func (p *planner) between(ctx context.Context, commit, tree string) ([]change, error) {
	out, err := p.run(ctx, call{args: []string{"diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options", commit, tree}})
	if err != nil {
		return nil, err
	}
	return parseChanges(out)
}

// commitOf is the commit that a merge or a squash makes.
func (p *planner) commitOf(lane Lane, w walk) making {
	lands := w.commits()
	one := making{author: p.who.author, date: p.who.date, message: lands[len(lands)-1].Message}
	if lane.Strategy == StrategySquash {
		one.author = lands[0].Author
	} else {
		one.merged = lane.Head
	}
	if lane.Message != nil {
		one.message = lane.Message(lands)
	}
	return one
}

// commitTree makes a commit, signed where the user signs commits.
func (p *planner) commitTree(ctx context.Context, one making, tree, parent string) (string, error) {
	args := []string{"commit-tree", "-p", parent}
	if one.merged != "" {
		args = append(args, "-p", one.merged)
	}
	limited, cancel := context.WithCancel(ctx)
	if p.sign {
		args = append(args, "-S")
		limited, cancel = context.WithTimeout(ctx, signLimit)
	}
	defer cancel()
	out, err := p.run(limited, call{args: append(args, "-F", "-", tree), stdin: strings.NewReader(one.message), env: []string{
		"GIT_AUTHOR_NAME=" + one.author.Name, "GIT_AUTHOR_EMAIL=" + one.author.Email, "GIT_AUTHOR_DATE=@" + one.date,
		"GIT_COMMITTER_NAME=" + p.who.committer.Name, "GIT_COMMITTER_EMAIL=" + p.who.committer.Email, "GIT_COMMITTER_DATE=@" + p.who.date}})
	switch {
	case err == nil:
		return strings.TrimSpace(string(out)), nil
	case p.sign && ctx.Err() == nil && limited.Err() != nil:
		return "", refuse(ErrSigning, fmt.Sprintf("the signing program gave no answer within %v", signLimit))
	case p.sign && ctx.Err() == nil && exitCode(err) > 0:
		return "", refuse(ErrSigning, gitWords(err))
	}
	return "", err
}

// directoriesOf are those whose attributes can count for a merge: all above a path that
// one of the sides changed. It is nil where they are not known.
func (p *planner) directoriesOf(w walk, head string) map[string]bool {
	changes, ok := p.diffs[pair{w.base(), head}]
	moved := p.moved[w.base()]
	if !ok || moved == nil {
		return nil
	}
	own := newTouched()
	own.add(changes)
	maps.Copy(own.above, moved.above)
	maps.Copy(own.above, p.before.above)
	return own.above
}

// contested lists the paths whose content may have to be merged: those that differ, but
// not those that there were and that one side alone has modified.
func (p *planner) contested(ctx context.Context, w walk, head string) (paths []string, err error) {
	differ, err := p.changes(ctx, p.tip.commit, head)
	own := map[string]change{}
	for _, c := range p.diffs[pair{w.base(), head}] {
		own[c.path] = c
	}
	moved := p.moved[w.base()]
	for _, c := range differ {
		mine, changed := own[c.path]
		oneSided := moved != nil && len(own) > 0 && !c.old.none() && !c.new.none() && changed != (moved.paths[c.path] || p.before.paths[c.path]) &&
			(!changed || !mine.old.none())
		if !oneSided {
			paths = append(paths, c.path)
		}
	}
	return paths, err
}
