// Package flock locks open files among processes: flock(2), and LockFileEx on Windows.
//
// A lock belongs to the open file, not to the process or the goroutine: two openings
// of one file exclude each other within a process too, and whoever has a copy of the
// descriptor has the lock. A child that inherits the file (exec.Cmd.ExtraFiles) keeps
// it until it ends, which Windows does not do; any other child has a copy from its
// fork to its exec. The lock ends when it is unlocked through any copy, or when the
// last copy is closed, by the death of its processes at the latest. It is never broken.
//
// Locks are advisory: they keep nobody from reading, writing or removing the file.
// That a name still leads to the file that was locked is for the caller to look at.
//
// The file may be open for reading only. On network file systems a lock may not hold
// against other machines, be refused for a file that is open for reading only (NFS),
// or not be had at all; osfs.NetworkFS names them. What keeps a lock from being taken,
// other than its holder, is the system's error.
//
// A file that has a lock is not locked again before it is unlocked: what that does
// differs among systems.
package flock

import (
	"errors"
	"os"
)

// ErrHeld is what a lock that is not waited for answers where a holder is alive.
var ErrHeld = errors.New("lock is held")

// Lock waits until no other open file has a lock. The wait cannot be given up.
func Lock(f *os.File) error { return lock(f, exclusive) }

// TryLock is Lock that does not wait: ErrHeld.
func TryLock(f *os.File) error { return lock(f, exclusive|noWait) }

// TryRLock takes a shared lock, which excludes exclusive ones only, and does not wait:
// ErrHeld.
func TryRLock(f *os.File) error { return lock(f, shared|noWait) }

// Unlock frees the lock at once, whoever has a copy of the file. Closing does so only
// where no child that is being started has a copy just then.
func Unlock(f *os.File) error { return unlock(f) }
