package osfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenBeneath opens a regular file below a directory that is trusted, as
// [Dir.OpenFile] does, with one call of the kernel, which follows no link on the way
// (Linux 5.6). What is not there, not as it must be, or not to be had answers false.
func OpenBeneath(top, name string, flag int, perm fs.FileMode) (*os.File, bool) {
	fd, err := openBeneath(top, name, flag|unix.O_NONBLOCK, perm)
	if err != nil {
		return nil, false
	}
	f := os.NewFile(uintptr(fd), filepath.Join(top, name))
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || flag&os.O_EXCL == 0 && info.Sys().(*syscall.Stat_t).Nlink > 1 {
		f.Close()
		return nil, false
	}
	return f, true
}

// IsDirBeneath reports whether a directory is known to be there, with one call of the
// kernel.
func IsDirBeneath(top, name string) bool {
	fd, err := openBeneath(top, name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func openBeneath(top, name string, flag int, perm fs.FileMode) (fd int, err error) {
	dir, err := unix.Open(top, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: uint64(flag | unix.O_CLOEXEC), Mode: uint64(perm.Perm()), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	err = again(func() error {
		fd, err = unix.Openat2(dir, name, &how)
		return err
	})
	return fd, err
}
