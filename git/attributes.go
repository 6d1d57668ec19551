package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const attributesFile = ".gitattributes"

// layout is a directory that has the .gitattributes of a commit and nothing else: a git
// that merges there, takes the attributes that it would take in a checkout of it.
type layout struct {
	listing string // what git ls-tree said of them
	dir     string
	made    int
	whole   string // the commit for which it is known to have all of them
}

// attributes lays out those of a commit that count below the given directories; all
// where dirs is nil. It answers the directory.
func (p *planner) attributes(ctx context.Context, commit string, dirs map[string]bool) (string, error) {
	if p.layout.whole == commit {
		return p.layout.dir, nil
	}
	p.layout.whole = ""
	listing, err := p.listAttributes(ctx, commit, dirs)
	if err == nil && dirs == nil {
		defer func() { p.layout.whole = commit }()
	}
	if err != nil || p.layout.dir != "" && listing == p.layout.listing {
		return p.layout.dir, err
	}
	p.layout.made++
	dir := p.scratch.path(fmt.Sprintf("attributes-%d", p.layout.made))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := p.layOut(ctx, listing, dir); err != nil {
		return "", fmt.Errorf("lay out attributes: %w", err)
	}
	p.layout.listing, p.layout.dir = listing, dir
	return dir, nil
}

// keepsAttributes reports that a commit which makes these changes has the attributes of
// the one before, wherever they are applied: git may move any file of a directory from
// which something goes.
func keepsAttributes(list []change) bool {
	return !slices.ContainsFunc(list, func(c change) bool { return c.new.none() || path.Base(c.path) == attributesFile })
}

// listAttributes is git ls-tree -z of the files.
func (p *planner) listAttributes(ctx context.Context, commit string, dirs map[string]bool) (string, error) {
	args := []string{"--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", attributesFile}
	for dir := range dirs {
		args = append(args, dir+"/"+attributesFile)
	}
	if dirs == nil || len(dirs) > pathsAtOnce {
		args = []string{"ls-tree", "-r", "-z", "--full-tree", commit}
	}
	out, err := p.run(ctx, call{args: args})
	var found []string
	for entry := range strings.SplitSeq(string(out), "\x00") {
		facts, name, _ := strings.Cut(entry, "\t")
		if path.Base(name) == attributesFile && strings.HasPrefix(facts, "100") { // git follows no symbolic link
			found = append(found, entry)
		}
	}
	slices.Sort(found)
	return strings.Join(found, "\x00"), err
}

// layOut writes the files of a listing.
func (p *planner) layOut(ctx context.Context, listing, dir string) error {
	if listing == "" {
		return nil
	}
	var ask strings.Builder
	var names []string
	for entry := range strings.SplitSeq(listing, "\x00") {
		facts, name, _ := strings.Cut(entry, "\t")
		names = append(names, name)
		ask.WriteString(facts[strings.LastIndexByte(facts, ' ')+1:] + "\n")
	}
	out, err := p.run(ctx, call{stdin: strings.NewReader(ask.String()), args: []string{"cat-file", "--batch=%(objectsize)"}})
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range names {
		var content []byte
		if content, out, err = cutObject(out); err != nil {
			return err
		}
		if err := writeBelow(root, name, content); err != nil {
			return err
		}
	}
	return nil
}

// cutObject takes one object from git cat-file --batch=%(objectsize).
func cutObject(out []byte) (content, rest []byte, err error) {
	line, rest, _ := bytes.Cut(out, []byte{'\n'})
	size := 0
	if _, err := fmt.Sscanf(string(line), "%d", &size); err != nil || size < 0 || size >= len(rest) {
		return nil, nil, errors.New("git cat-file said " + clipWords(string(line)))
	}
	return rest[:size], rest[size+1:], nil
}

// writeBelow writes a file of a tree, unless its name is none that a checkout has.
func writeBelow(root *os.Root, name string, content []byte) error {
	if odd(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil
	}
	if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o700); err != nil {
		return err
	}
	return root.WriteFile(filepath.FromSlash(name), content, 0o600)
}

// odd reports a path that a tree may have and no checkout.
func odd(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return true
		}
	}
	return false
}

// judge asks the attributes which merge drivers they name for paths that may have to
// be merged. It refuses those that nobody approved; what Reading does without is noted.
func (p *planner) judge(ctx context.Context, i int, dir string, paths []string) error {
	if len(p.drivers) == 0 || len(paths) == 0 {
		return nil
	}
	c := p.placed(call{dir: dir, at: p.repo.pin("", dir), plain: p.Reading, stdin: strings.NewReader(strings.Join(paths, "\x00") + "\x00"),
		args: []string{"check-attr", "-z", "--stdin", "merge"}})
	out, err := p.repo.git.run(ctx, c)
	if err != nil {
		return err
	}
	var named, refused []string
	for f := strings.Split(string(out), "\x00"); len(f) >= 3; f = f[3:] { // path, attribute, value
		name := f[2]
		if name == "unspecified" {
			name = p.byDefault
		}
		if slices.Contains(p.drivers, name) && !slices.Contains(named, "merge."+name) {
			named = append(named, "merge."+name)
			if slices.Contains(p.refused, name) {
				refused = append(refused, "merge."+name)
			}
		}
	}
	if p.Reading {
		p.done[i].Undriven = append(p.done[i].Undriven, named...)
		return nil
	}
	return refuseAny(ErrUnapproved, refused)
}
