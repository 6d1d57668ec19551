package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"wt-mcp/state/osfs"
)

// unfaithful says that a tree was not copied, because something in it cannot be
// copied as it is.
type unfaithful struct {
	tree, path string
	err        error
}

// Error says where what was not copied is.
func (e *unfaithful) Error() string {
	return fmt.Sprintf("the files are on another file system, and %s cannot be copied as it is (%v): all of them stay in %s", clipPath(e.path), e.err, e.tree)
}

// Unwrap gives the cause to errors.Is.
func (e *unfaithful) Unwrap() error { return e.err }

// treeCopy is one copy of a tree to another file system. Both sides are held open by
// directory, so that no path is too long and no link is followed.
type treeCopy struct {
	ctx   context.Context
	tree  string
	to    *os.Root
	names map[fileID]string // the first name of a file with several
}

// copyTree copies a directory with all below it to a place where there is nothing:
// content with its holes, links, several names of one file, kinds, permissions, owners,
// times and extended attributes. Then it compares both, and flushes the copy. Where it
// cannot make the same it fails, with [unfaithful] if another try would too; what
// there is of the copy then is the caller's to delete.
func copyTree(ctx context.Context, from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	c := &treeCopy{ctx: ctx, tree: from, to: target, names: map[fileID]string{}}
	if err := c.directory(source, target, ""); err != nil {
		return err
	}
	if err := c.compare(source, target, ""); err != nil {
		return err
	}
	return syncTree(target)
}

// fail tells what would fail again from what may not.
func (c *treeCopy) fail(path string, err error) error {
	var left *unfaithful
	switch {
	case err == nil, errors.As(err, &left):
		return err
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported), errors.Is(err, errDiffers):
		return &unfaithful{tree: c.tree, path: path, err: cause(err)}
	}
	return fmt.Errorf("copy %s: %w", clipPath(path), err)
}

// directory copies what is in a directory, and then what the directory itself is.
func (c *treeCopy) directory(from, to *os.Root, path string) error {
	entries, err := listDir(from)
	if err != nil {
		return c.fail(path, err)
	}
	for _, e := range entries {
		at := joinSlash(path, e.Name())
		if err := c.ctx.Err(); err != nil {
			return c.fail(at, err)
		}
		info, err := from.Lstat(e.Name())
		if err == nil && info.IsDir() {
			err = c.below(from, to, e.Name(), at)
		} else if err == nil {
			err = c.entry(from, to, e.Name(), at, info)
		}
		if err != nil {
			return c.fail(at, err)
		}
	}
	info, err := from.Stat(".")
	if err == nil {
		err = withOpen(from, to, ".", func(source, target *os.File) error { return copyFacts(source, target, info) })
	}
	if err == nil {
		err = setTimes(to, ".", info)
	}
	return c.fail(path, err)
}

func (c *treeCopy) below(from, to *os.Root, name, path string) error {
	if err := to.Mkdir(name, 0o700); err != nil {
		return err
	}
	return enterBoth(from, to, name, func(from, to *os.Root) error { return c.directory(from, to, path) })
}

// entry copies what is no directory; of a file with several names the first only.
func (c *treeCopy) entry(from, to *os.Root, name, path string, info fs.FileInfo) (err error) {
	id, several := severalNames(info)
	if first, ok := c.names[id]; several && ok {
		return c.to.Link(filepath.FromSlash(first), filepath.FromSlash(path))
	}
	if several {
		c.names[id] = path
	}
	switch {
	case info.Mode().IsRegular():
		err = copyFile(from, to, name, info)
	case info.Mode().Type() == fs.ModeSymlink:
		var target string
		if target, err = from.Readlink(name); err == nil {
			err = to.Symlink(target, name)
		}
	default:
		err = makeNode(to, name, info)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = copyNamed(to, name, info)
	}
	if err == nil {
		err = setTimes(to, name, info)
	}
	return err
}

func copyFile(from, to *os.Root, name string, info fs.FileInfo) error {
	source, err := from.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = osfs.CopySparse(target, source)
	if err == nil {
		err = copyFacts(source, target, info)
	}
	return errors.Join(err, target.Close())
}

// errDiffers is that a copy is not like its original.
var errDiffers = errors.New("the copy is not like it")

// compare makes sure that both sides are the same, from what lies there.
func (c *treeCopy) compare(from, to *os.Root, path string) error {
	mine, err1 := listDir(from)
	copies, err2 := listDir(to)
	if err := errors.Join(err1, err2); err != nil {
		return c.fail(path, err)
	}
	if len(mine) != len(copies) {
		return c.fail(path, errDiffers)
	}
	for i, e := range mine {
		at := joinSlash(path, e.Name())
		err := c.ctx.Err()
		if err == nil && copies[i].Name() != e.Name() {
			err = errDiffers
		}
		if err == nil {
			err = c.compareEntry(from, to, e.Name(), at)
		}
		if err != nil {
			return c.fail(at, err)
		}
	}
	return nil
}

func (c *treeCopy) compareEntry(from, to *os.Root, name, path string) error {
	one, err1 := from.Lstat(name)
	two, err2 := to.Lstat(name)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !sameFacts(one, two) {
		return errDiffers
	}
	switch {
	case one.IsDir():
		return enterBoth(from, to, name, func(from, to *os.Root) error { return c.compare(from, to, path) })
	case one.Mode().Type() == fs.ModeSymlink:
		a, err1 := from.Readlink(name)
		b, err2 := to.Readlink(name)
		if a != b {
			return errors.Join(errDiffers, err1, err2)
		}
		return errors.Join(err1, err2)
	case one.Mode().IsRegular():
		return withOpen(from, to, name, func(source, target *os.File) error { return sameContent(source, target) })
	}
	return nil
}

func sameContent(one, two io.Reader) error {
	const size = 256 << 10
	a, b := make([]byte, size), make([]byte, size)
	for {
		n, err1 := io.ReadFull(one, a)
		m, err2 := io.ReadFull(two, b)
		if n != m || string(a[:n]) != string(b[:m]) {
			return errDiffers
		}
		if errors.Is(err1, io.EOF) || errors.Is(err1, io.ErrUnexpectedEOF) {
			return nil
		}
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
	}
}

// enterBoth opens a directory on both sides.
func enterBoth(from, to *os.Root, name string, do func(from, to *os.Root) error) error {
	source, err := from.OpenRoot(name)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := to.OpenRoot(name)
	if err != nil {
		return err
	}
	defer target.Close()
	return do(source, target)
}

// withOpen opens a file or a directory on both sides.
func withOpen(from, to *os.Root, name string, do func(source, target *os.File) error) error {
	source, err := from.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := to.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return err
	}
	defer target.Close()
	return do(source, target)
}
