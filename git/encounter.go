package git

import (
	"cmp"
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// pathSet are the paths that a lane changes, with what two lanes may meet in beside a
// path itself.
type pathSet struct {
	all     map[string]bool
	added   []string
	below   map[string]bool // directories that something changed in
	emptied map[string]bool // directories that something was taken out of
}

func newPathSet() *pathSet {
	return &pathSet{all: map[string]bool{}, below: map[string]bool{}, emptied: map[string]bool{}}
}

// add takes a change with the letter that git has for its kind.
func (s *pathSet) add(kind byte, path string) {
	s.all[path] = true
	if kind == 'A' {
		s.added = append(s.added, path)
	}
	if kind == 'D' {
		s.emptied[slashDir(path)] = true
	}
	for dir := slashDir(path); dir != ""; dir = slashDir(dir) {
		s.below[dir] = true
		if kind == 'D' {
			s.emptied[dir] = true
		}
	}
}

// encounter is that two lanes of one target may collide, in those paths.
type encounter struct {
	a, b    *crossed
	paths   map[string]bool
	clashes []Clash
}

func (e *encounter) lanes() [2]int { return [2]int{e.a.lane, e.b.lane} }

// key names the content of both, and of what both are to go to.
func (e *encounter) key() string { return e.a.tree + e.b.tree + e.a.target }

// told are the conflicts, one for each notice: both lanes stand on the target, so all of
// them are theirs. A path that both have changed goes before the others of a notice.
func (e *encounter) told(notices []notice) (clashes []Clash) {
	for _, n := range notices {
		at := max(0, slices.IndexFunc(n.paths, e.involves))
		clashes = addClash(clashes, Clash{Path: n.paths[at], Kind: n.kind})
	}
	return clashes
}

func (e *encounter) involves(path string) bool {
	if e.paths[path] {
		return true
	}
	for dir := slashDir(path); dir != ""; dir = slashDir(dir) {
		if e.paths[dir] {
			return true
		}
	}
	return false
}

// encounters finds all of them: both have changed one path, or one has changed what the
// other has changed something below of, or one adds below a directory that the other has
// taken something out of, as who renames it does. No other two have a conflict.
func encounters(all []*crossed) []encounter {
	index := indexOf(all)
	met := map[[2]int]map[string]bool{}
	for i, one := range all {
		meet := func(path string, others []int) {
			for _, j := range others {
				if all[j].target != one.target || all[j].lane == one.lane {
					continue
				}
				pair := [2]int{min(i, j), max(i, j)}
				if met[pair] == nil {
					met[pair] = map[string]bool{}
				}
				met[pair][path] = true
			}
		}
		for path := range one.paths.all {
			meet(path, index.all[path])
			meet(path, index.below[path])
		}
		for _, path := range one.paths.added {
			meet(path, index.emptied[slashDir(path)])
			for dir := slashDir(path); dir != ""; dir = slashDir(dir) {
				meet(path, index.emptied[dir])
			}
		}
	}
	var list []encounter
	for pair, paths := range met {
		list = append(list, encounter{a: all[pair[0]], b: all[pair[1]], paths: paths})
	}
	slices.SortFunc(list, func(x, y encounter) int {
		return cmp.Or(slices.Compare([]int{x.a.lane, x.b.lane}, []int{y.a.lane, y.b.lane}), strings.Compare(x.key(), y.key()))
	})
	return list
}

// pathIndex says who has changed what.
type pathIndex struct{ all, below, emptied map[string][]int }

func indexOf(all []*crossed) pathIndex {
	index := pathIndex{map[string][]int{}, map[string][]int{}, map[string][]int{}}
	for i, one := range all {
		for to, from := range map[*map[string][]int]map[string]bool{&index.all: one.paths.all, &index.below: one.paths.below, &index.emptied: one.paths.emptied} {
			for path := range from {
				(*to)[path] = append((*to)[path], i)
			}
		}
	}
	return index
}

// tryAtOnce is try with a git for each processor, where there is enough to do.
func (a *annex) tryAtOnce(ctx context.Context, dir string, trials []joining) ([]outcome, error) {
	const enough = 20
	parts := max(1, min(runtime.NumCPU(), len(trials)/enough))
	outcomes, errs := make([][]outcome, parts), make([]error, parts)
	each(parts, parts, func(i int) {
		outcomes[i], errs[i] = a.try(ctx, dir, trials[len(trials)*i/parts:len(trials)*(i+1)/parts])
	})
	var all []outcome
	for i := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, outcomes[i]...)
	}
	return all, nil
}

// findLines finds in which lines of the target's files both lanes of each encounter
// changed something.
func (a *annex) findLines(ctx context.Context, met []encounter) error {
	sides, paths := map[string]string{}, map[string]bool{}
	for _, e := range met {
		for _, c := range e.clashes {
			if c.Kind == "contents" {
				sides[e.a.commit], sides[e.b.commit] = e.a.target, e.b.target
				paths[c.Path] = true
			}
		}
	}
	const most = 500 // paths that one command line takes
	if len(paths) == 0 || len(paths) > most {
		return nil
	}
	var stdin strings.Builder
	for commit, target := range sides {
		stdin.WriteString(commit + " " + target + "\n")
	}
	args := []string{"--literal-pathspecs", "-c", "core.quotePath=true", "diff-tree", "--stdin", "--always", "-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--"}
	out, err := a.run(ctx, strings.NewReader(stdin.String()), append(args, slices.Sorted(maps.Keys(paths))...)...)
	if err != nil {
		return err
	}
	changed := parseHunks(out)
	for _, e := range met {
		for i, c := range e.clashes {
			e.clashes[i].Lines = meeting(changed[e.a.commit][c.Path], changed[e.b.commit][c.Path])
		}
	}
	return nil
}
