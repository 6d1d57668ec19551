//go:build unix

package include

import (
	"errors"
	"slices"
	"syscall"
)

// refused reports whether the file system clones no file at all.
func refused(err error) bool {
	codes := []syscall.Errno{syscall.EOPNOTSUPP, syscall.ENOTSUP, syscall.EXDEV, syscall.ENOTTY, syscall.EINVAL, syscall.ENOSYS}
	return slices.ContainsFunc(codes, func(code syscall.Errno) bool { return errors.Is(err, code) })
}
