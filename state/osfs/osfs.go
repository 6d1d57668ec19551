// Package osfs knows what systems do differently with files, and opens files without
// being led elsewhere. Locks are those of package flock below it.
//
// A [Dir] is a directory that is held open. What is reached through it is reached
// from that handle, one component of the name at a time, and no symbolic link is
// followed at any of them. Only regular files are opened, never waiting for the
// other end of a pipe or for a device; what is appended to or overwritten in place
// has no second name. What is something else is a [Refused] that says what it is.
//
// [CopySparse] and [WriteSparse] write files that have holes with their holes.
// [SyncData] makes content durable, [Identify] tells one content from another
// without reading it, [BootID] and [Uptime] tell what a boot took with it, [NetworkFS]
// where locks cannot be trusted. [RenameNew] replaces nothing; [SameDevice],
// [MountsBelow] and [WhyStuck] tell beforehand what a rename would meet.
//
// A Dir is safe for concurrent use by goroutines. Names are relative, have slashes
// and lead downwards.
package osfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Refused is what is not opened, and why.
type Refused struct {
	Path string
	Why  string // such as "is a symbolic link"
}

// Error names the file.
func (e *Refused) Error() string { return e.Path + " " + e.Why }

// Dir is a directory that is held open.
type Dir struct {
	root *os.Root
	file *os.File
	conn syscall.RawConn
}

// Open holds the directory at a path that is trusted, links in it included: a
// checkout, a git directory, a directory of the user's.
func Open(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return hold(root)
}

func hold(root *os.Root) (*Dir, error) {
	file, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close(), root.Close())
	}
	return &Dir{root: root, file: file, conn: conn}, nil
}

// Close gives the directory up; what was opened through it stays open.
func (d *Dir) Close() error { return errors.Join(d.file.Close(), d.root.Close()) }

// Path is what the directory was opened as.
func (d *Dir) Path() string { return d.root.Name() }

// Stat describes the directory itself.
func (d *Dir) Stat() (fs.FileInfo, error) { return d.file.Stat() }

// Sub holds a directory below this one.
func (d *Dir) Sub(name string) (*Dir, error) {
	parent, base, done, err := d.walk(name)
	if err != nil {
		return nil, err
	}
	defer done()
	return parent.sub(base)
}

func (d *Dir) sub(name string) (*Dir, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, d.failed("open", name, err)
	}
	if !info.IsDir() {
		return nil, d.refuse(name, "is "+Kind(info.Mode())+" in place of a directory")
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, d.failed("open", name, err)
	}
	sub, err := hold(root)
	if err != nil {
		return nil, err
	}
	if now, err := sub.Stat(); err != nil || !os.SameFile(now, info) {
		return nil, errors.Join(d.refuse(name, "was replaced while it was opened"), err, sub.Close())
	}
	return sub, nil
}

// walk leads to the directory in which the last component of a name is.
func (d *Dir) walk(name string) (parent *Dir, base string, done func(), err error) {
	if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, "", nil, d.refuse(name, "is no name below the directory")
	}
	parent, done = d, func() {}
	for {
		first, rest, more := strings.Cut(name, "/")
		if !more {
			return parent, name, done, nil
		}
		next, err := parent.sub(first)
		done()
		if err != nil {
			return nil, "", nil, err
		}
		parent, name, done = next, rest, func() { _ = next.Close() }
	}
}

// OpenFile opens a regular file, with the flags of os.OpenFile; O_TRUNC is not
// among them. One that is there already and is opened for writing has no other name.
func (d *Dir) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	parent, base, done, err := d.walk(name)
	if err != nil {
		return nil, err
	}
	defer done()
	f, err := parent.open(base, flag, perm)
	if err != nil || flag&os.O_EXCL != 0 { // what was just made is a file
		return f, err
	}
	info, err := f.Stat()
	if err == nil {
		err = parent.plain(base, info, flag)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// plain refuses what is no regular file, or would be written under two names.
func (d *Dir) plain(name string, info fs.FileInfo, flag int) error {
	switch {
	case !info.Mode().IsRegular():
		return d.refuse(name, "is "+Kind(info.Mode())+", no regular file")
	case flag&(os.O_WRONLY|os.O_RDWR) != 0 && flag&os.O_EXCL == 0 && Links(info) > 1:
		return d.refuse(name, "has another name (a hard link), which would be written to as well")
	}
	return nil
}

// ReadFile reads a regular file of at most limit bytes.
func (d *Dir) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadUpTo(f, limit)
}

// ReadUpTo reads an open file of at most limit bytes.
func ReadUpTo(f File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, tooLarge(f.Name(), info.Size(), limit)
	}
	data := make([]byte, 0, info.Size()+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case int64(len(data)) > limit:
			return nil, tooLarge(f.Name(), int64(len(data)), limit)
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// File is what of an open file is needed to read it.
type File interface {
	io.Reader
	Name() string
	Stat() (fs.FileInfo, error)
}

func tooLarge(name string, size, limit int64) error {
	return &Refused{name, fmt.Sprintf("has %d bytes, more than the limit of %d", size, limit)}
}

// Lstat describes what has the name, and follows nothing.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) {
	parent, base, done, err := d.walk(name)
	if err != nil {
		return nil, err
	}
	defer done()
	info, err := parent.root.Lstat(base)
	return info, parent.failed("lstat", base, err)
}

// Readlink is where a symbolic link leads.
func (d *Dir) Readlink(name string) (string, error) {
	parent, base, done, err := d.walk(name)
	if err != nil {
		return "", err
	}
	defer done()
	target, err := parent.root.Readlink(base)
	return target, parent.failed("readlink", base, err)
}

// List opens the directory itself, to list its names or to flush them.
func (d *Dir) List() (*os.File, error) { return d.root.Open(".") }

// Mkdir makes a directory.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	return d.change("mkdir", name, func(dir *os.Root, base string) error { return dir.Mkdir(base, perm) })
}

// MkdirAll makes a directory and those above it that are not there, each with its
// mode by sharing.
func (d *Dir) MkdirAll(name string, perm fs.FileMode, sharing Sharing) error {
	dir, done := d, func() {}
	for part := range strings.SplitSeq(name, "/") {
		err := dir.Mkdir(part, perm)
		made := err == nil
		if err != nil && !errors.Is(err, fs.ErrExist) {
			done()
			return err
		}
		next, err := dir.Sub(part)
		done()
		if err != nil {
			return err
		}
		if dir, done = next, func() { _ = next.Close() }; made {
			if err := sharing.Adjust(next.file); err != nil {
				done()
				return err
			}
		}
	}
	done()
	return nil
}

// Remove removes a file, a link or an empty directory.
func (d *Dir) Remove(name string) error {
	return d.change("remove", name, (*os.Root).Remove)
}

func (d *Dir) change(op, name string, do func(dir *os.Root, base string) error) error {
	parent, base, done, err := d.walk(name)
	if err != nil {
		return err
	}
	defer done()
	return parent.failed(op, base, do(parent.root, base))
}

// Rename gives what has the name another one; what had that is replaced.
func (d *Dir) Rename(from, to string) error { return d.both(from, to, (*Dir).MoveTo) }

// Link gives a file a second name, which is free.
func (d *Dir) Link(from, to string) error { return d.both(from, to, (*Dir).LinkTo) }

func (d *Dir) both(from, to string, do func(from *Dir, a string, to *Dir, b string) error) error {
	old, a, done, err := d.walk(from)
	if err != nil {
		return err
	}
	defer done()
	next, b := old, path.Base(to)
	if path.Dir(from) != path.Dir(to) {
		if next, b, done, err = d.walk(to); err != nil {
			return err
		}
		defer done()
	}
	return do(old, a, next, b)
}

// MoveTo moves a name of this directory to a name of another one.
func (d *Dir) MoveTo(a string, to *Dir, b string) error {
	return linkError("rename", d, a, to, b, rename(d, a, to, b))
}

// LinkTo gives a file of this directory a second name in another one.
func (d *Dir) LinkTo(a string, to *Dir, b string) error {
	return linkError("link", d, a, to, b, link(d, a, to, b))
}

func linkError(op string, from *Dir, a string, to *Dir, b string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from.join(a), New: to.join(b), Err: cause(err)}
}

func (d *Dir) join(name string) string { return filepath.Join(d.Path(), filepath.FromSlash(name)) }

func (d *Dir) refuse(name, why string) error { return &Refused{d.join(name), why} }

// failed names the whole path in an error.
func (d *Dir) failed(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: d.join(name), Err: cause(err)}
}

func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// Kind names what a mode stands for.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something special"
}

// ReadFile is [Dir.ReadFile] of one file by its path, of which all but the last
// component is trusted.
func ReadFile(name string, limit int64) ([]byte, error) {
	dir, err := Open(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadFile(filepath.Base(name), limit)
}

// OpenFile is [Dir.OpenFile] of one file by its path, of which all but the last
// component is trusted.
func OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	dir, err := Open(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.OpenFile(filepath.Base(name), flag, perm)
}
