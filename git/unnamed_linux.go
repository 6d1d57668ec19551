package git

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// unnamedFile is one in memory: it needs no directory and leaves nothing behind.
func unnamedFile() (*os.File, error) {
	const name = "wt-mcp-git"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
