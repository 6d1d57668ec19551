//go:build unix

package state

import (
	"errors"
	"syscall"
)

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func readOnlyFS(err error) bool { return errors.Is(err, syscall.EROFS) }

// cannotSyncDir reports the answer of file systems that have no directory sync.
func cannotSyncDir(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
