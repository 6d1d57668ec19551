package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Nonblock and Nofollow do nothing: the system has no such flags.
const (
	Nonblock = 0
	Nofollow = 0
)

// open opens a name of this directory. The directory's os.Root keeps it from
// leading out; a link within is told by what was opened being something else.
func (d *Dir) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	before, err := d.root.Lstat(name)
	if err == nil && !before.Mode().IsRegular() {
		return nil, d.refuse(name, "is "+Kind(before.Mode())+", no regular file")
	}
	f, err := d.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, d.failed("open", name, err)
	}
	after, err1 := d.root.Lstat(name)
	opened, err2 := f.Stat()
	if err1 == nil && err2 == nil && after.Mode().IsRegular() && os.SameFile(after, opened) {
		err = d.onlyName(name, f, flag)
	} else {
		err = errors.Join(d.refuse(name, "was replaced while it was opened"), err1, err2)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *Dir) onlyName(name string, f *os.File, flag int) error {
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 || flag&os.O_EXCL != 0 {
		return nil
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return d.failed("open", name, err)
	}
	if info.NumberOfLinks > 1 {
		return d.refuse(name, "has another name (a hard link), which would be written to as well")
	}
	return nil
}

// Links is how many names a file has; that is not told here, see onlyName.
func Links(fs.FileInfo) uint64 { return 1 }

// rename and link of two directories go by the path of the second one, which is
// below the first one or beside it.
func rename(from *Dir, a string, to *Dir, b string) error {
	if from == to {
		return from.root.Rename(a, b)
	}
	return os.Rename(filepath.Join(from.Path(), a), filepath.Join(to.Path(), b))
}

func link(from *Dir, a string, to *Dir, b string) error {
	if from == to {
		return from.root.Link(a, b)
	}
	return os.Link(filepath.Join(from.Path(), a), filepath.Join(to.Path(), b))
}
