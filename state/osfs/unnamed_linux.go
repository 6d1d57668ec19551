package osfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Unnamed makes a file in memory, which needs no directory and leaves nothing behind;
// the name is for who looks at the process (memfd_create(2)).
func Unnamed(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
