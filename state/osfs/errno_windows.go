package osfs

import (
	"errors"

	"golang.org/x/sys/windows"
)

// NoSpace reports that a disk is full.
func NoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// ReadOnlyFS reports that a disk takes no changes.
func ReadOnlyFS(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// CannotSyncDir is always so on Windows: NTFS logs the names itself.
func CannotSyncDir(error) bool { return true }
