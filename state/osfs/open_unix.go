//go:build unix

package osfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// Nonblock keeps the opening of a pipe, put in the place of a file, from waiting.
	Nonblock = syscall.O_NONBLOCK
	// Nofollow keeps a symbolic link from being opened as what it leads to.
	Nofollow = syscall.O_NOFOLLOW
)

// open opens a name of this directory without following a link or waiting.
func (d *Dir) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	fd, err := d.openat(name, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flag&unix.O_APPEND) // an ordinary file, also for a child that inherits it
		return os.NewFile(uintptr(fd), d.join(name)), err
	}
	return nil, d.notOpened(name, err)
}

// notOpened says what it is that could not be opened.
func (d *Dir) notOpened(name string, err error) error {
	if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EEXIST) {
		if info, lost := d.root.Lstat(name); lost == nil && !info.Mode().IsRegular() {
			return d.refuse(name, "is "+Kind(info.Mode())+", no regular file")
		}
	}
	return d.failed("open", name, err)
}

func (d *Dir) openat(name string, flag int, perm uint32) (fd int, err error) {
	failed := d.conn.Control(func(dir uintptr) {
		err = again(func() error {
			fd, err = unix.Openat(int(dir), name, flag, perm)
			return err
		})
	})
	return fd, errors.Join(failed, err)
}

func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// with calls do with the handles of two directories.
func with(from, to *Dir, do func(from, to int) error) (err error) {
	var inner error
	failed := from.conn.Control(func(a uintptr) {
		inner = to.conn.Control(func(b uintptr) { err = again(func() error { return do(int(a), int(b)) }) })
	})
	return errors.Join(failed, inner, err)
}

func rename(from *Dir, a string, to *Dir, b string) error {
	return with(from, to, func(old, next int) error { return unix.Renameat(old, a, next, b) })
}

func link(from *Dir, a string, to *Dir, b string) error {
	return with(from, to, func(old, next int) error { return unix.Linkat(old, a, next, b, 0) })
}

// Links is how many names a file has.
func Links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
