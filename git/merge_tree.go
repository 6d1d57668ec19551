package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Conflict is a path that a merge leaves to people. Kind is git's word: contents,
// modify/delete, rename/rename, rename/delete, file/directory, distinct modes, binary,
// submodule, ... With is the other path that has to do with it.
type Conflict struct{ Path, Kind, With string }

// Conflicts is the error of what does not merge by itself. Files has at most a hundred
// of them, More counts the others. Commit is the one that a rebase stopped at.
type Conflicts struct {
	Files  []Conflict
	More   int
	Commit *Commit

	merged merged // of the two commits that were merged
}

const maxConflicts = 100

// Error names the first few.
func (c *Conflicts) Error() string {
	const shown = 5
	var files []string
	for _, f := range c.Files[:min(shown, len(c.Files))] {
		files = append(files, f.Path+" ("+f.Kind+")")
	}
	text := "conflict in " + strings.Join(files, ", ")
	if more := len(c.Files) + c.More - len(files); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if c.Commit != nil {
		text += fmt.Sprintf(", at %.12s %s", c.Commit.ID, c.Commit.Subject())
	}
	return text
}

// mergeTree merges two commits in a directory with the attributes that count. The
// error is a *Conflicts where they do not merge by themselves.
func (p *planner) mergeTree(ctx context.Context, ours, theirs, dir string) (string, error) {
	out, err := p.repo.git.run(ctx, p.placed(call{dir: dir, at: p.repo.pin("", dir), inherit: p.Inherit, plain: p.Reading,
		args: []string{"merge-tree", "--write-tree", "-z", ours, theirs}}))
	tree, rest, _ := strings.Cut(string(out), "\x00")
	switch {
	case err != nil && exitCode(err) != 1 || !isObjectID(tree): // git says 1 of what is no commit as well
		return "", errors.Join(err, unreadable(err, "merge-tree", tree))
	case err == nil:
		return tree, nil
	}
	c := parseConflicts(rest)
	c.merged = merged{tree: tree, entries: conflictEntries(rest)}
	return "", c
}

// unreadable says that git succeeded and answered something else.
func unreadable(err error, command, said string) error {
	if err != nil {
		return nil
	}
	return errors.New("git " + command + " said " + clipWords(said))
}

// parseConflicts reads git merge-tree -z after the tree (git-merge-tree(1), OUTPUT): a
// list of index entries, an empty field, and messages: how many paths, the paths, a kind,
// and words for people. The entries are not used, they have names that git made up.
func parseConflicts(out string) *Conflicts {
	fields := strings.Split(out, "\x00")
	var entries []string
	for len(fields) > 0 && fields[0] != "" {
		_, path, _ := strings.Cut(fields[0], "\t")
		entries, fields = append(entries, path), fields[1:]
	}
	c := &Conflicts{}
	seen := map[Conflict]bool{}
	told := map[string]bool{} // by path
	add := func(found Conflict) {
		switch {
		case seen[found], found.Kind == "contents" && told[found.Path]: // said better before
			return
		case len(c.Files) < maxConflicts:
			c.Files = append(c.Files, found)
		default:
			c.More++
		}
		seen[found], told[found.Path] = true, true
	}
	for fields = fields[min(1, len(fields)):]; len(fields) > 2; {
		n, err := strconv.Atoi(fields[0])
		if err != nil || n < 1 || n > len(fields)-3 {
			break
		}
		if kind, is := conflictKind(fields[n+1]); is {
			add(conflictOf(kind, fields[1:n+1]))
		}
		fields = fields[n+3:]
	}
	if len(c.Files) == 0 {
		for _, path := range slices.Compact(entries) {
			add(Conflict{Path: path, Kind: "conflict"})
		}
	}
	return c
}

// conflictOf is a conflict by the paths of its message. For a file in the place of a
// directory the first is a name that git made up to put the file aside.
func conflictOf(kind string, paths []string) Conflict {
	if kind == "file/directory" && len(paths) > 1 {
		paths = paths[1:]
	}
	return Conflict{paths[0], kind, strings.Join(paths[1:], ", ")}
}

// conflictEntries is the list of index entries alone, each ended by NUL.
func conflictEntries(out string) string {
	if list, _, ok := strings.Cut(out, "\x00\x00"); ok {
		return list + "\x00"
	}
	return ""
}

// conflictKind takes the kind from "CONFLICT (modify/delete)".
func conflictKind(text string) (string, bool) {
	rest, is := strings.CutPrefix(text, "CONFLICT")
	if !is {
		return "", strings.HasPrefix(text, "ERROR")
	}
	return strings.Trim(rest, " ()"), true
}
