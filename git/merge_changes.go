package git

import (
	"bytes"
	"context"
	"errors"
	"strings"
)

// pair names two commits.
type pair struct{ from, to string }

// compare lists what differs between the commits of each pair. It is one git for all.
func (p *planner) compare(ctx context.Context, pairs []pair) (map[pair][]change, error) {
	if len(pairs) == 0 {
		return map[pair][]change{}, nil
	}
	var ask strings.Builder
	for _, two := range pairs {
		ask.WriteString(two.to + " " + two.from + "\n")
	}
	out, err := p.run(ctx, call{stdin: strings.NewReader(ask.String()),
		args: []string{"diff-tree", "--stdin", "--always", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"}})
	if err != nil {
		return nil, err
	}
	return parseCompared(out, pairs)
}

// parseCompared reads git diff-tree --stdin --always -z --raw: for each pair the first
// id, and the changes, see parseChanges.
func parseCompared(out []byte, pairs []pair) (map[pair][]change, error) {
	found := make(map[pair][]change, len(pairs))
	for _, two := range pairs {
		head, rest, ok := bytes.Cut(out, []byte{0})
		if !ok || string(head) != two.to {
			return nil, errors.New("git diff-tree said " + clipWords(string(head)))
		}
		end := 0
		for end < len(rest) && rest[end] == ':' {
			facts := bytes.IndexByte(rest[end:], 0)
			path := bytes.IndexByte(rest[end+facts+1:], 0)
			if facts < 0 || path < 0 {
				return nil, errors.New("git diff-tree was cut short")
			}
			end += facts + 1 + path + 1
		}
		changes, err := parseChanges(rest[:end])
		if err != nil {
			return nil, err
		}
		found[two], out = changes, rest[end:]
	}
	if len(out) > 0 {
		return nil, errors.New("git diff-tree said " + clipWords(string(out)))
	}
	return found, nil
}

// changes are those between two commits.
func (p *planner) changes(ctx context.Context, from, to string) ([]change, error) {
	if have, ok := p.diffs[pair{from, to}]; ok || from == to {
		return have, nil
	}
	found, err := p.compare(ctx, []pair{{from, to}})
	return found[pair{from, to}], err
}

// touched is a set of changes, to be asked whether others have to do with them.
type touched struct {
	paths, above map[string]bool // above: every directory with one of the paths below it
	added, gone  map[string]bool // every directory below which a path came, or went
}

func newTouched() *touched {
	return &touched{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

func (t *touched) add(list []change) {
	for _, c := range list {
		t.paths[c.path] = true
		for dir := range directories(c.path) {
			t.above[dir] = true
			if c.old.none() {
				t.added[dir] = true
			}
			if c.new.none() {
				t.gone[dir] = true
			}
		}
	}
}

// apart reports that no merge of these changes with those of the set can be anything
// but both: no path is in both, none is a directory of the other, and nothing comes to
// a directory that the other may have renamed, because it has deleted something there.
func (t *touched) apart(list []change) bool {
	for _, c := range list {
		if t.paths[c.path] || t.above[c.path] {
			return false
		}
		for dir := range directories(c.path) {
			if t.paths[dir] || c.old.none() && t.gone[dir] || c.new.none() && t.added[dir] {
				return false
			}
		}
	}
	return true
}

// directories are those that a path lies in, but for the top.
func directories(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := len(path) - 1; i > 0; i-- {
			if path[i] == '/' && !yield(path[:i]) {
				return
			}
		}
	}
}
