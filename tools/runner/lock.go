package runner

import (
	"errors"
	"os"

	"wt-mcp/state/osfs/flock"
)

// takeLock takes the lock of a run without waiting, flock.ErrHeld: the supervisor has it as long
// as it lives, and after that whoever writes the record.
func takeLock(dir, id string) (*os.File, error) {
	f, err := openFile(file(dir, id, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock.TryLock(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// held reports whether somebody has the lock of a run.
func held(dir, id string) bool {
	f, err := openFile(file(dir, id, ".lock"), os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(flock.TryRLock(f), flock.ErrHeld)
}
