//go:build unix

package osfs

import (
	"errors"
	"syscall"
)

// NoSpace reports that a disk, or what the user may have of it, is full.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ReadOnlyFS reports that a file system takes no changes.
func ReadOnlyFS(err error) bool { return errors.Is(err, syscall.EROFS) }

// CannotSyncDir reports the answer of file systems that have no directory sync: they
// have nothing better to offer.
func CannotSyncDir(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
