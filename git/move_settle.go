package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settling puts files as they are in one of the two commits of a move that came to a
// stop half-way.
type settling struct {
	mv        *moving
	dir       string // holds the files of both commits as git writes them
	goal, was string // the directories of that commit and of the other
	forward   bool
	left      []string
}

// settle makes every path that a move may have written as the old commit has it, or
// forward the new one. Where there is the whole file of either commit, the beginning
// of the new one (git writes in place) or nothing, it is the move's; anything else is
// the user's, stays, and is listed. It may be repeated after it was killed.
func (mv *moving) settle(ctx context.Context, touched []change, forward bool) (left []string, err error) {
	s := &settling{mv: mv, dir: mv.halves(), forward: forward}
	if err := os.RemoveAll(s.dir); err != nil {
		return nil, err
	}
	defer os.RemoveAll(s.dir)
	old, new := filepath.Join(s.dir, "old"), filepath.Join(s.dir, "new")
	err = errors.Join(mv.writeOut(ctx, old, mv.Old, touched, func(c change) side { return c.old }),
		mv.writeOut(ctx, new, mv.New, touched, func(c change) side { return c.new }))
	if err != nil {
		return nil, err
	}
	if s.goal, s.was = old, new; forward {
		s.goal, s.was = new, old
	}
	for _, pass := range []bool{false, true} { // what goes first makes room
		for _, c := range touched {
			if c.old.submodule() || c.new.submodule() || s.goalOf(c).none() == pass {
				continue
			}
			if err := s.file(c); err != nil {
				return s.left, fmt.Errorf("put back %s: %w", c.path, err)
			}
		}
	}
	slices.Sort(s.left)
	return s.left, nil
}

// halves is where settle keeps files while it runs: on the disk of git's directory.
func (mv *moving) halves() string { return filepath.Join(mv.admin, "wt-mcp-move."+mv.Op) }

func (s *settling) goalOf(c change) side {
	if s.forward {
		return c.new
	}
	return c.old
}

// writeOut lets git write the files of a commit that changed into a directory, by the
// attributes of that commit.
func (mv *moving) writeOut(ctx context.Context, dir, commit string, touched []change, of func(change) side) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var list strings.Builder
	for _, c := range touched {
		if s := of(c); !s.none() && !s.submodule() {
			fmt.Fprintf(&list, "%s %s 0\t%s\x00", s.mode, s.oid, c.path)
		}
	}
	tree, err := mv.repo.read(ctx, "ls-tree", "-r", "-z", "--end-of-options", commit)
	if err != nil {
		return err
	}
	for line := range bytes.SplitSeq(tree, []byte{0}) {
		facts, path, _ := strings.Cut(string(line), "\t")
		if f := strings.Fields(facts); len(f) == 3 && isAttributes(path) {
			fmt.Fprintf(&list, "%s %s 0\t%s\x00", f[0], f[2], path)
		}
	}
	run := func(stdin string, args ...string) error {
		_, err := mv.repo.git.run(ctx, call{args: args, op: true, inherit: mv.Inherit, dir: dir, at: mv.repo.pin(mv.admin, dir), stdin: strings.NewReader(stdin),
			env: []string{"GIT_INDEX_FILE=" + dir + ".index"}})
		return err
	}
	if err := run(list.String(), "update-index", "-z", "--index-info"); err != nil || list.Len() == 0 {
		return err
	}
	return run("", "checkout-index", "--all", "--force", "--quiet")
}

// file settles one path.
func (s *settling) file(c change) error {
	path := filepath.FromSlash(c.path)
	name := filepath.Join(s.mv.top, path)
	if !s.safe(c.path) {
		if !s.goalOf(c).none() {
			s.left = append(s.left, c.path)
		}
		return nil
	}
	info, err := os.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	goal, was := filepath.Join(s.goal, path), filepath.Join(s.was, path)
	switch {
	case info != nil && sameFileContent(name, goal), info == nil && s.goalOf(c).none():
		return nil
	case info != nil && info.IsDir():
		if s.goalOf(c).none() || !emptied(name) {
			s.keep(c, info)
			return nil
		}
	case info != nil && !sameFileContent(name, was) && !beginsFile(name, filepath.Join(s.dir, "new", path)):
		s.keep(c, info)
		return nil
	}
	if s.goalOf(c).none() {
		return s.remove(name)
	}
	return s.put(goal, name)
}

// keep notes what is the user's. A directory where no file is to be is nobody's
// concern.
func (s *settling) keep(c change, info fs.FileInfo) {
	if !(info.IsDir() && s.goalOf(c).none()) {
		s.left = append(s.left, c.path)
	}
}

// safe reports that nothing but directories, or files of the move's, leads to a path.
func (s *settling) safe(path string) bool {
	for _, dir := range parents(path) {
		info, err := os.Lstat(filepath.Join(s.mv.top, filepath.FromSlash(dir[:len(dir)-1])))
		if err != nil {
			return true
		}
		if !info.IsDir() {
			return false
		}
	}
	return true
}

// remove removes a file and the directories that it leaves empty.
func (s *settling) remove(name string) error {
	if err := os.Remove(name); err != nil {
		return err
	}
	for dir := filepath.Dir(name); dir != s.mv.top; dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break
		}
	}
	return nil
}

// put moves a file to its place in one step.
func (s *settling) put(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if os.Rename(from, to) == nil {
		return nil
	}
	temp := filepath.Join(filepath.Dir(to), ".wt-mcp-"+s.mv.Op) // the worktree may be on another disk
	err := copyPlain(from, temp)
	if err == nil {
		err = os.Rename(temp, to)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// copyPlain copies a file or a symbolic link, in the place of what a killed one left.
func copyPlain(from, to string) error {
	_ = os.Remove(to)
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// emptied removes a directory that has nothing but directories in it, and reports
// whether it is gone.
func emptied(name string) bool {
	entries, err := os.ReadDir(name)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !e.IsDir() || !emptied(filepath.Join(name, e.Name())) {
			return false
		}
	}
	return os.Remove(name) == nil
}

// sameFileContent reports whether both are links to the same, or regular files of the
// same bytes.
func sameFileContent(a, b string) bool {
	infoA, errA := os.Lstat(a)
	infoB, errB := os.Lstat(b)
	if errA != nil || errB != nil || infoA.Mode().Type() != infoB.Mode().Type() {
		return false
	}
	if infoA.Mode().Type() == fs.ModeSymlink {
		to, err := os.Readlink(a)
		also, err2 := os.Readlink(b)
		return err == nil && err2 == nil && to == also
	}
	return infoA.Mode().IsRegular() && infoA.Size() == infoB.Size() && (infoA.Mode()^infoB.Mode())&0o100 == 0 && beginsFile(a, b)
}

// beginsFile reports whether a regular file has the first bytes of another, or all.
func beginsFile(name, whole string) bool {
	infoA, errA := os.Lstat(name)
	infoB, errB := os.Lstat(whole)
	if errA != nil || errB != nil || !infoA.Mode().IsRegular() || !infoB.Mode().IsRegular() || infoA.Size() > infoB.Size() {
		return false
	}
	a, errA := os.Open(name)
	if errA != nil {
		return false
	}
	defer a.Close()
	b, errB := os.Open(whole)
	if errB != nil {
		return false
	}
	defer b.Close()
	return sameContent(io.LimitReader(a, infoA.Size()), io.LimitReader(b, infoA.Size())) == nil
}
