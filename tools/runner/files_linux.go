package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// openQuickly opens a regular file below the git directory with one call of the
// kernel, which follows no link on the way (Linux 5.6). What is not there, not as it
// must be, or not to be had answers false.
func openQuickly(path string, flag int, perm fs.FileMode) (*os.File, bool) {
	top, below := split(filepath.Dir(path))
	fd, err := openBelow(top, below+"/"+filepath.Base(path), flag|unix.O_NONBLOCK, perm)
	if err != nil {
		return nil, false
	}
	f := os.NewFile(uintptr(fd), path)
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || flag&os.O_EXCL == 0 && info.Sys().(*syscall.Stat_t).Nlink > 1 {
		f.Close()
		return nil, false
	}
	return f, true
}

// isDir reports whether a directory of ours is there.
func isDir(dir string) bool {
	top, below := split(dir)
	fd, err := openBelow(top, below, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func openBelow(top, below string, flag int, perm fs.FileMode) (int, error) {
	git, err := unix.Open(top, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(git)
	how := unix.OpenHow{Flags: uint64(flag | unix.O_CLOEXEC), Mode: uint64(perm.Perm()), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	for {
		fd, err := unix.Openat2(git, below, &how)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
