//go:build unix

package include

import (
	"errors"
	"syscall"
)

// openFlags keep the opening of a pipe from waiting for its writer.
const openFlags = syscall.O_NONBLOCK

// refused reports whether the file system clones no file at all.
func refused(err error) bool {
	return isOneOf(err, syscall.EOPNOTSUPP, syscall.ENOTSUP, syscall.EXDEV, syscall.ENOTTY, syscall.EINVAL, syscall.ENOSYS)
}

// endless reports whether every other file would meet the error too.
func endless(err error) bool {
	return isOneOf(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS)
}

func isOneOf(err error, codes ...syscall.Errno) bool {
	for _, code := range codes {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
