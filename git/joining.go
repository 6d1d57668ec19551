package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// joining is a merge of two commits that nobody keeps.
type joining struct{ ours, theirs string }

// outcome is what git makes of one: a tree, in which conflicts are marked.
type outcome struct {
	tree    string
	clashes []notice
	err     error // git could not do it
}

// notice is one conflict as git tells of it: its kind, and all paths that are part of it.
type notice struct {
	kind  string
	paths []string
}

// try makes all of them with one git, in their order, with the attributes in a directory. One over which git breaks off has
// that as its error; the others go on.
func (a *annex) try(ctx context.Context, dir string, trials []joining) ([]outcome, error) {
	var all []outcome
	for len(all) < len(trials) {
		left := trials[len(all):]
		read, write := io.Pipe()
		go func() {
			for _, t := range left {
				if _, err := fmt.Fprintf(write, "%s %s\n", t.ours, t.theirs); err != nil {
					break
				}
			}
			write.Close()
		}()
		out, err := a.with(ctx, dir, read, "merge-tree", "--stdin", "--allow-unrelated-histories")
		read.Close()
		got, rest := parseOutcomes(out)
		all = append(all, got...)
		switch {
		case err == nil && len(got) == len(left) && len(rest) == 0:
			return all, nil
		case ctx.Err() != nil, exitCode(err) == exitUsage, errors.Is(err, ErrOutput) && len(got) == 0:
			return nil, err
		case len(got) >= len(left):
			return nil, errors.Join(err, fmt.Errorf("git merge-tree said more than it was asked: %.100q", rest))
		case err == nil:
			return nil, fmt.Errorf("git merge-tree said %.100q", rest)
		}
		all = append(all, outcome{err: err})
	}
	return all, nil
}

// parseOutcomes reads git merge-tree --stdin (git-merge-tree(1), OUTPUT) as far as it
// is whole; rest is what is not.
func parseOutcomes(out []byte) (all []outcome, rest []byte) {
	for len(out) > 0 {
		o, n, ok := parseOutcome(out)
		if !ok {
			break
		}
		all, out = append(all, o), out[n:]
	}
	return all, out
}

// parseOutcome reads one, of n bytes: whether it is clean, the tree and, where it is
// not, what is left unmerged up to an empty field, then messages up to one more.
func parseOutcome(out []byte) (o outcome, n int, ok bool) {
	f := fields{left: out}
	clean := f.next()
	o.tree = f.next()
	if f.short || clean != "0" && clean != "1" || !isObjectID(o.tree) {
		return o, 0, false
	}
	for f.next() != "" && !f.short {
	}
	for clean == "0" && !f.short {
		count := f.next()
		if count == "" {
			break
		}
		m := notice{}
		var many int
		if _, err := fmt.Sscanf(count, "%d", &many); err != nil || many < 0 || many > len(f.left) {
			return o, 0, false
		}
		for range many {
			m.paths = append(m.paths, f.next())
		}
		kind, is := conflictKind(f.next())
		f.next() // the same in words
		if kind == "file/directory" && len(m.paths) > 1 {
			m.paths = m.paths[1:] // the first is made up, see conflictOf
		}
		if m.kind = kind; is && len(m.paths) > 0 {
			o.clashes = append(o.clashes, m)
		}
	}
	return o, len(out) - len(f.left), !f.short
}

// fields takes fields off what git wrote, each ended by NUL.
type fields struct {
	left  []byte
	short bool // there was one too few
}

func (f *fields) next() string {
	field, rest, ok := bytes.Cut(f.left, []byte{0})
	if !ok {
		f.short, f.left = true, nil
		return ""
	}
	f.left = rest
	return string(field)
}
