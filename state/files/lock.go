package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"wt-mcp/state"
	"wt-mcp/state/osfs/flock"
)

// Locker excludes every other holder of the same lock, goroutines and processes
// of this machine alike. Lock waits until it has the lock or ctx ends; the lock
// is held until unlock is called or the process dies. It is never broken.
type Locker interface {
	Lock(ctx context.Context) (unlock func(), err error)
}

// FileLock is a Locker on a file that is created if need be and never removed.
type FileLock struct {
	disk *disk
	path string
	turn chan struct{} // one goroutine of this process at a time is in the kernel's queue
	file *os.File      // owned by whoever has the turn
}

func newFileLock(d *disk, path string) *FileLock {
	return &FileLock{disk: d, path: path, turn: make(chan struct{}, 1)}
}

// Lock implements [Locker]. A read-only lock file can be locked too.
func (l *FileLock) Lock(ctx context.Context) (func(), error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := l.open(); err != nil {
		<-l.turn
		return nil, err
	}
	if err := flock.TryLock(l.file); !errors.Is(err, flock.ErrHeld) {
		return l.locked(err)
	}
	return l.wait(ctx)
}

// wait queues in the kernel. A caller that gives up leaves a goroutine there,
// which has the turn and gives both back once it gets through.
func (l *FileLock) wait(ctx context.Context) (func(), error) {
	got := make(chan error, 1)
	go func() { got <- flock.Lock(l.file) }()
	select {
	case err := <-got:
		return l.locked(err)
	case <-ctx.Done():
		go func() {
			if unlock, err := l.locked(<-got); err == nil {
				unlock()
			}
		}()
		return nil, ctx.Err()
	}
}

func (l *FileLock) locked(err error) (func(), error) {
	if err != nil {
		<-l.turn
		return nil, fmt.Errorf("lock %s: %w", l.path, err)
	}
	return func() {
		_ = flock.Unlock(l.file)
		<-l.turn
	}, nil
}

// open makes sure that the open file is the one at the path: a private directory
// that someone deleted and made again must not leave two locks.
func (l *FileLock) open() error {
	if l.file != nil {
		mine, err1 := l.file.Stat()
		there, err2 := l.disk.Stat(l.path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return nil
		}
		l.file.Close()
		l.file = nil
	}
	f, err := l.disk.lockFile(l.path)
	l.file = f
	return err
}

// lockFile opens a file to lock, and makes it if need be.
func (d *disk) lockFile(path string) (*os.File, error) {
	f, err := d.open(path, os.O_RDWR|os.O_CREATE, 0o644)
	if missing(err) {
		if err = d.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			f, err = d.open(path, os.O_RDWR|os.O_CREATE, 0o644)
		}
	}
	if err != nil {
		if ro, roErr := d.open(path, os.O_RDONLY, 0); roErr == nil {
			return ro, nil
		}
		return nil, err
	}
	return f, nil
}

// tryLock takes the lock on the file at path, creating it, and returns the
// open file: the lock lives until the file, and every copy of it that a child
// process inherited, is closed. It does not wait.
func (d *disk) tryLock(path string) (*os.File, error) {
	f, err := d.lockFile(path)
	if err != nil {
		return nil, err
	}
	err = flock.TryLock(f)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, flock.ErrHeld) {
		err = state.ErrLockHeld
	}
	return nil, err
}

// lockBoard takes the board's lock within the configured time.
func (s *Store) lockBoard(ctx context.Context) (func(), error) {
	bounded, cancel := context.WithTimeout(ctx, s.lockTimeout)
	defer cancel()
	unlock, err := s.locker.Lock(bounded)
	switch {
	case err == nil:
		return unlock, nil
	case ctx.Err() != nil:
		return nil, state.Errorf(state.Cancelled, "", "the call was cancelled while it waited for the board's lock")
	case errors.Is(err, context.DeadlineExceeded):
		return nil, s.busy()
	}
	return nil, s.unwritable(err)
}

func (s *Store) busy() error {
	m, _, _ := s.readMarker()
	held := ""
	if m.Holder != "" {
		since := state.Time(m.Since).Format(time.RFC3339)
		held = fmt.Sprintf(" by %s since %s", m.Holder, since)
	}
	return state.Errorf(state.Busy, "retry; if the holder is stopped (Ctrl-Z, debugger), let it go on or end it",
		"the board's lock is held%s", held).With("lock", s.private(lockName)).With("holder", m.Holder)
}
