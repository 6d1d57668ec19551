package include

import (
	"errors"

	"golang.org/x/sys/windows"
)

const openFlags = 0

// refused reports whether the file system clones no file at all.
func refused(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// endless reports whether every other file would meet the error too.
func endless(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_WRITE_PROTECT)
}
