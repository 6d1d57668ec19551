package git

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
)

// change is a path that differs between two commits.
type change struct {
	path     string
	old, new side
}

// side is what a commit has at a path; the zero side is nothing.
type side struct{ mode, oid string }

func (s side) none() bool      { return s.mode == "" }
func (s side) submodule() bool { return s.mode == "160000" }

// changes lists what differs between two commits. No index and no attributes have a
// say.
func (r *Repo) changes(ctx context.Context, old, new string) ([]change, error) {
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin("", ""), env: []string{"GIT_INDEX_FILE=" + filepath.Join(r.Private(), "no-index")},
		args: []string{"diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options", old, new}})
	if err != nil {
		return nil, err
	}
	return parseChanges(out)
}

// parseChanges reads git diff-tree -z --raw without renames (git-diff-tree(1), Raw
// output format): ":mode mode id id status", and the path, each ended by NUL.
func parseChanges(out []byte) (list []change, err error) {
	for len(out) > 0 {
		facts, rest, ok := bytes.Cut(out, []byte{0})
		path, rest, okPath := bytes.Cut(rest, []byte{0})
		f := strings.Split(strings.TrimPrefix(string(facts), ":"), " ")
		if !ok || !okPath || len(f) != 5 || !isObjectID(f[2]) || !isObjectID(f[3]) || len(path) == 0 {
			return nil, errors.New("git diff-tree said " + clipWords(string(facts)))
		}
		list = append(list, change{path: string(path), old: sideOf(f[0], f[2]), new: sideOf(f[1], f[3])})
		out = rest
	}
	return list, nil
}

func sideOf(mode, oid string) side {
	if mode == "000000" {
		return side{}
	}
	return side{mode, oid}
}

// touched lists the changes that a move makes in the checkout: those for which the
// index has what the branch had. Where it has what the branch gets, the user has staged
// just that, and neither file nor entry is touched.
func (mv *moving) touched() (list []change) {
	for _, c := range mv.changes {
		if mv.staged(c.path) == c.old {
			list = append(list, c)
		}
	}
	return list
}

// staged is what the index has at a path.
func (mv *moving) staged(path string) side {
	e, ok := mv.entries[path]
	if !ok {
		return side{}
	}
	return side{e.mode, e.oid}
}
