package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// What can stand against a landing, for errors.Is.
var (
	ErrNeedsMerge  = errors.New("this git cannot merge without a checkout")
	ErrUnrelated   = errors.New("the histories have no commit in common")
	ErrNotAncestor = errors.New("the target has commits that the lane has not")
	ErrSigning     = errors.New("the commit could not be signed")
)

// Strategy says how the work of a lane comes onto its target.
type Strategy string

// The strategies of git merge, git merge --squash, git rebase and git merge --ff-only.
// A merge always makes a commit of its own.
const (
	StrategyMerge       Strategy = "merge"
	StrategySquash      Strategy = "squash"
	StrategyRebase      Strategy = "rebase"
	StrategyFastForward Strategy = "ff"
)

// Lane is work that is to come onto a target.
type Lane struct {
	Head     string // its commit, a full object id
	Strategy Strategy
	Message  func(lands []Commit) string // of the commit that a merge or a squash makes, nil for that of its newest: called at most twice, and quick
	Since    string                      // what this commit has as well is left out, as when the target has it squashed; "" for what the target has alone
}

// Chain asks what a target becomes when lanes land in it one after the other.
type Chain struct {
	Target     string // its commit, a full object id
	Lanes      []Lane
	Quarantine *Quarantine // takes the objects; nil: the repository does
	Reading    bool        // run nothing: no merge driver, no filter, no signing
	Inherit    []*os.File  // kept open by git while it writes (not on Windows)
}

// Planned is what became of one lane of a chain.
type Planned struct {
	Commit   string   // the target with the lane; as it was before it where Nothing or Err
	Tree     string   // of Commit
	Commits  []Commit // that come to the target by it, oldest first; of a rebase those that it picked
	Files    int      // how many paths the lane changes in the target
	Nothing  bool     // the target has all of it already
	Undriven []string // merge drivers, as in "merge.x", that a landing would run and Reading did not: it may come out otherwise
	Err      error    // why it cannot land: then the chain goes on without it
}

// PlanChain computes a chain, one Planned for each lane. No ref, no index and no file
// of a checkout is read or written. The trees are those that git merge and git rebase
// make in a checkout of the target, attributes and approved merge drivers included.
//
// The Err of a lane is a [*Conflicts], ErrUnrelated, ErrNotAncestor, ErrUnapproved (a
// merge driver), ErrUnknownRevision or ErrSigning. The error of all is ErrNeedsMerge,
// ErrIdentity, ErrUnknownRevision for the target, or what went wrong: a git that dies
// is never taken for a conflict.
func (r *Repo) PlanChain(ctx context.Context, c Chain) ([]Planned, error) {
	p, err := r.newPlanner(ctx, c)
	if err == nil {
		defer p.scratch.Close()
		err = p.plan(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("compute landing: %w", err)
	}
	return p.done, nil
}

// planner computes one chain.
type planner struct {
	Chain
	repo    *Repo
	scratch *Quarantine // for what no landing needs afterwards
	who     identity
	sign    bool
	drivers []string // merge drivers that are configured, approved or not
	refused []string // those of them that are not approved

	byDefault string // the merge driver for paths that name none

	known  *ancestry
	diffs  map[pair][]change
	moved  map[string]*touched // what the target has changed since a commit where lanes began
	before *touched            // what the lanes before changed

	tip    tip
	queue  []queued // what git fast-import is to make onto the tip
	slow   bool     // it could not
	layout layout   // attributes
	done   []Planned
}

// tip is what the target has become, without the queue.
type tip struct{ commit, tree string }

func (r *Repo) newPlanner(ctx context.Context, c Chain) (*planner, error) {
	c.Target = strings.ToLower(c.Target)
	if !isObjectID(c.Target) {
		return nil, fmt.Errorf("%w: object id %.100q", ErrInvalidName, c.Target)
	}
	if err := r.CanMerge(ctx); err != nil {
		return nil, err
	}
	p := &planner{Chain: c, repo: r, moved: map[string]*touched{}, before: newTouched(), done: make([]Planned, len(c.Lanes))}
	var err error
	if err = p.configure(ctx); err == nil {
		p.scratch, err = r.NewQuarantine()
	}
	return p, err
}

func (p *planner) plan(ctx context.Context) error {
	if err := p.read(ctx); err != nil {
		return err
	}
	before := p.tip
	for i := range p.Lanes {
		if err := p.land(ctx, i); err != nil {
			return err
		}
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	for i := range p.done {
		if d := &p.done[i]; d.Nothing || d.Err != nil {
			d.Commit, d.Tree = before.commit, before.tree
		} else {
			before = tip{d.Commit, d.Tree}
		}
	}
	return nil
}

// land computes one lane, or puts it into the queue.
func (p *planner) land(ctx context.Context, i int) error {
	if p.done[i].Err != nil {
		return nil
	}
	w := p.known.walk(p.Lanes[i].Head)
	switch {
	case len(w.own) == 0:
		p.done[i].Nothing = true
		return nil
	case len(w.edges) == 0:
		p.done[i].Err = ErrUnrelated
		return nil
	case p.Lanes[i].Strategy == StrategyFastForward || p.Lanes[i].forward(w, p.upTo()):
		return p.forward(ctx, i, w)
	}
	if quick, err := p.enqueue(ctx, i, w); quick || err != nil {
		return err
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.slowly(ctx, i, w)
}

// upTo is the commit that the target has become; "" where that is not known yet.
func (p *planner) upTo() string {
	if len(p.queue) > 0 {
		return ""
	}
	return p.tip.commit
}

// forward reports that a rebase onto tip leaves every commit as it is.
func (l Lane) forward(w walk, tip string) bool {
	return l.Strategy == StrategyRebase && l.Since == "" && w.linear && w.edges[0] == tip
}

// forward moves the tip to the lane itself.
func (p *planner) forward(ctx context.Context, i int, w walk) error {
	tip := p.upTo()
	if !w.beginsAt(tip) {
		p.done[i].Err = ErrNotAncestor
		return nil
	}
	head := w.own[len(w.own)-1]
	changes, err := p.changes(ctx, tip, head.ID)
	if err != nil {
		return err
	}
	p.settle(i, w, head.ID, head.Tree, changes)
	p.tip.commit, p.tip.tree = head.ID, head.Tree
	p.known.landed(w)
	return nil
}

// settle notes what came of a lane.
func (p *planner) settle(i int, w walk, commit, tree string, changes []change) {
	d := &p.done[i]
	d.Commit, d.Tree, d.Files = commit, tree, len(changes)
	if d.Commits == nil {
		d.Commits = w.commits()
	}
	p.before.add(changes)
}

// run is git in the repository as a whole, writing its objects where they belong.
func (p *planner) run(ctx context.Context, c call) ([]byte, error) {
	c.dir, c.inherit, c.plain = p.repo.common, p.Inherit, p.Reading
	c.at = p.repo.pin("", "")
	return p.repo.git.run(ctx, p.placed(c))
}

// placed says where objects are.
func (p *planner) placed(c call) call {
	c.env = append(c.env, "GIT_INDEX_FILE="+p.scratch.path("no-index"))
	if p.Quarantine != nil {
		return p.Quarantine.holding(c, p.scratch)
	}
	return p.scratch.beside(c)
}
