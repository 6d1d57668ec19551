package git

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Sighted is a worktree as it was seen, and the commit that its work is to go to.
type Sighted struct {
	*Sight
	Target string
}

// Clash is a conflict in one file. Kind is git's own word for it.
type Clash struct {
	Path  string   `json:"path"`
	Kind  string   `json:"kind"`
	Lines [][2]int `json:"lines,omitempty"`
}

// Crossing is how lanes would meet in their targets.
type Crossing struct {
	Pairs    []Pair
	Targets  map[int][]Clash    // by lane: with what its target has by now
	Filtered map[int]bool       // lanes with a file that has a filter, and was taken as it lies there
	Failed   map[int]error      // lanes that could not be compared with any other
	Unknown  map[[2]int]error   // pairs that could not be compared
	Verdicts map[string][]Clash // of all pairs that were looked at closer, to be passed to the next Cross
	Merges   int                // pairs for which git was asked
}

// Pair is that of two lanes the one that lands second has conflicts. B is the later one.
type Pair struct {
	A, B    int
	Clashes []Clash
}

// crossed is one content of a lane. A lane whose index has something else than its
// files has two.
type crossed struct {
	lane   int
	target string
	tree   string // what the target has once the lane has landed
	commit string // of that tree, on the target
	paths  *pathSet
}

// Cross says which lanes would collide: it lands each in its target, all in memory,
// and has git merge those of one target whose own changes may meet. What a lane has
// against its target is told apart.
// Verdicts are those of a Cross before, for pairs that have not changed.
//
// Nothing is written but in a directory of ours, which is gone afterwards. No filter
// and no merge driver runs.
func (r *Repo) Cross(ctx context.Context, lanes []Sighted, verdicts map[string][]Clash) (*Crossing, error) {
	a, err := r.annex()
	if err != nil {
		return nil, fmt.Errorf("compare worktrees: %w", err)
	}
	defer a.Close()
	x := &crossing{annex: a, lanes: lanes, known: verdicts, attributes: map[string]string{}, out: Crossing{Targets: map[int][]Clash{}, Filtered: map[int]bool{},
		Failed: map[int]error{}, Unknown: map[[2]int]error{}, Verdicts: map[string][]Clash{}}}
	for _, step := range []func(context.Context) error{x.gather, x.land, x.record, x.compare, x.meet} {
		err := step(ctx)
		if exitCode(err) == exitUsage {
			err = r.crossTooOld(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("compare worktrees: %w", err)
		}
	}
	return &x.out, nil
}

// crossTooOld says that git has no merge-tree --stdin yet.
func (r *Repo) crossTooOld(ctx context.Context) error {
	version, err := r.Version(ctx)
	if err == nil {
		err = fmt.Errorf("%w: it is %s, this needs 2.39; everything else goes on", ErrTooOld, version)
	}
	return err
}

// crossing is one Cross while it goes on.
type crossing struct {
	annex *annex
	lanes []Sighted
	known map[string][]Clash
	all   []*crossed
	out   Crossing

	attributes map[string]string // directories, by target
}

// gather makes a commit of what each lane has beside its HEAD.
func (x *crossing) gather(ctx context.Context) error {
	works, errs := make([]work, len(x.lanes)), make([]error, len(x.lanes))
	each(len(x.lanes), runtime.NumCPU(), func(i int) { works[i], errs[i] = x.annex.workOf(ctx, x.lanes[i].Sight) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var drafts []draft
	var open []*crossed // those that a draft is for
	for i, lane := range x.lanes {
		switch {
		case errs[i] != nil:
			x.out.Failed[i] = errs[i]
		case lane.Head == "" || lane.Target == "":
			x.out.Failed[i] = ErrNoCommits
		default:
			x.out.Filtered[i] = works[i].filtered
			for _, edits := range [][]edit{works[i].files, works[i].index} {
				one := &crossed{lane: i, target: lane.Target, commit: lane.Head}
				if edits != nil {
					drafts, open = append(drafts, draft{on: lane.Head, edits: edits}), append(open, one)
				} else if one.commit == "" || len(x.all) > 0 && x.all[len(x.all)-1].lane == i {
					continue
				}
				x.all = append(x.all, one)
			}
		}
	}
	made, err := x.annex.commit(ctx, drafts)
	for i := range made {
		open[i].commit = made[i]
	}
	return err
}

// land merges each lane into its target.
func (x *crossing) land(ctx context.Context) error {
	for target, group := range x.byTarget() {
		dir, err := x.annex.attributes(ctx, target)
		if err != nil {
			return err
		}
		x.attributes[target] = dir
		trials := make([]joining, len(group))
		for i, one := range group {
			trials[i] = joining{target, one.commit}
		}
		landed, err := x.annex.try(ctx, dir, trials)
		if err != nil {
			return err
		}
		for i, one := range group {
			if landed[i].err != nil {
				x.out.Failed[one.lane] = landed[i].err
				continue
			}
			one.tree = landed[i].tree
			for _, n := range landed[i].clashes {
				x.out.Targets[one.lane] = addClash(x.out.Targets[one.lane], Clash{Path: n.paths[0], Kind: n.kind})
			}
		}
	}
	x.all = slices.DeleteFunc(x.all, func(one *crossed) bool { return x.out.Failed[one.lane] != nil })
	return nil
}

func (x *crossing) byTarget() map[string][]*crossed {
	groups := map[string][]*crossed{}
	for _, one := range x.all {
		groups[one.target] = append(groups[one.target], one)
	}
	return groups
}

// record makes commits of the landed lanes, so that git can merge them with each other.
func (x *crossing) record(ctx context.Context) error {
	drafts := make([]draft, len(x.all))
	for i, one := range x.all {
		drafts[i] = draft{on: one.target, tree: one.tree}
	}
	made, err := x.annex.commit(ctx, drafts)
	for i := range made {
		x.all[i].commit = made[i]
	}
	return err
}

// compare finds which paths each lane changes of its target.
func (x *crossing) compare(ctx context.Context) error {
	var stdin strings.Builder
	for _, one := range x.all {
		fmt.Fprintf(&stdin, "%s %s\n", one.commit, one.target)
	}
	if len(x.all) == 0 {
		return nil
	}
	out, err := x.annex.run(ctx, strings.NewReader(stdin.String()), "diff-tree", "--stdin", "--always", "-r", "-z", "--no-renames", "--name-status")
	if err != nil {
		return err
	}
	sets, err := parseNameStatus(out)
	if err == nil && len(sets) != len(x.all) {
		err = fmt.Errorf("git diff-tree told of %d commits out of %d", len(sets), len(x.all))
	}
	for i := range sets {
		if err == nil {
			x.all[i].paths = sets[i]
		}
	}
	return err
}

// parseNameStatus reads git diff-tree --stdin --always -z --name-status: a commit, then
// a letter and a path for each change.
func parseNameStatus(out []byte) (sets []*pathSet, err error) {
	f := fields{left: out}
	for len(f.left) > 0 {
		switch word := f.next(); {
		case isObjectID(word):
			sets = append(sets, newPathSet())
		case len(word) == 1 && len(sets) > 0:
			sets[len(sets)-1].add(word[0], f.next())
		default:
			return nil, fmt.Errorf("git diff-tree said %.100q", word)
		}
		if f.short {
			return nil, fmt.Errorf("git diff-tree broke off in %.100q", bytes.TrimSpace(out))
		}
	}
	return sets, nil
}

// meet has git merge the pairs that may collide, but those that it did before.
func (x *crossing) meet(ctx context.Context) error {
	asked := map[string][]encounter{} // by target
	var all []encounter
	for _, e := range encounters(x.all) {
		clashes, known := x.known[e.key()]
		if e.clashes = clashes; known {
			all = append(all, e)
			continue
		}
		asked[e.a.target] = append(asked[e.a.target], e)
		x.out.Merges++
	}
	for target, group := range asked {
		if err := x.merge(ctx, x.attributes[target], group); err != nil {
			return err
		}
		all = append(all, group...)
	}
	found := map[[2]int][]Clash{}
	for _, e := range all {
		if x.out.Unknown[e.lanes()] == nil {
			x.out.Verdicts[e.key()] = e.clashes
			found[e.lanes()] = addClash(found[e.lanes()], e.clashes...)
		}
	}
	for lanes, clashes := range found {
		if len(clashes) > 0 {
			x.out.Pairs = append(x.out.Pairs, Pair{A: lanes[0], B: lanes[1], Clashes: clashes})
		}
	}
	slices.SortFunc(x.out.Pairs, func(p, q Pair) int { return slices.Compare([]int{p.A, p.B}, []int{q.A, q.B}) })
	return nil
}

// merge has git merge the pairs of one target.
func (x *crossing) merge(ctx context.Context, attributes string, group []encounter) error {
	trials := make([]joining, len(group))
	for i, e := range group {
		trials[i] = joining{e.a.commit, e.b.commit}
	}
	met, err := x.annex.tryAtOnce(ctx, attributes, trials)
	if err != nil {
		return err
	}
	for i := range group {
		e := &group[i]
		e.clashes = e.told(met[i].clashes)
		if met[i].err != nil {
			x.out.Unknown[e.lanes()] = met[i].err
		}
	}
	return x.annex.findLines(ctx, group)
}

// addClash adds those that are not there, in the order of their paths.
func addClash(list []Clash, more ...Clash) []Clash {
	for _, c := range more {
		at, there := slices.BinarySearchFunc(list, c, compareClash)
		if !there {
			list = slices.Insert(list, at, c)
		}
	}
	return list
}

func compareClash(a, b Clash) int {
	return strings.Compare(a.Path+"\x00"+a.Kind, b.Path+"\x00"+b.Kind)
}
