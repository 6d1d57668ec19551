package state

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// The locked byte lies beyond any content, for Windows locks forbid reading.
const lockOffsetHigh = 1 << 30

func tryFlock(f *os.File) (bool, error) { return tryLockFileEx(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func tryFlockShared(f *os.File) (bool, error) { return tryLockFileEx(f, 0) }

func tryLockFileEx(f *os.File, flags uint32) (bool, error) {
	err := lockFileEx(f, flags|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File) error { return lockFileEx(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func lockFileEx(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffsetHigh})
}

func funlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffsetHigh})
}
