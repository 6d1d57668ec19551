package git

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"wt-mcp/state/osfs/flock"
)

// dirName is what wt-mcp keeps inside of the common directory.
const dirName = "wt-mcp"

// lock waits for the turn to change what git records of worktrees and branches,
// among the goroutines of this process and among processes. It never waits
// longer than ctx. The file is never removed, the lock is not inherited by
// children and ends with the process.
func (r *Repo) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the git lock: %w", context.Cause(ctx))
	}
	file, err := r.flock(ctx)
	if err != nil {
		<-r.turn
		return nil, err
	}
	return func() {
		freeLock(file)
		<-r.turn
	}, nil
}

// flock takes the lock among processes, which is held for 2 to 10 ms.
func (r *Repo) flock(ctx context.Context) (*os.File, error) {
	path := filepath.Join(r.Private(), "git.lock")
	file, err := r.openPrivate("git.lock")
	if err != nil {
		return nil, fmt.Errorf("open git lock: %w", err)
	}
	if err := waitLock(ctx, file); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}

// freeLock frees a lock and closes its file.
func freeLock(file *os.File) {
	_ = flock.Unlock(file)
	file.Close()
}

// pause waits for a random time between least and most, or for ctx.
func pause(ctx context.Context, least, most time.Duration) error {
	timer := time.NewTimer(least + rand.N(most-least))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retry repeats f a few times while it fails for a reason that passes, such as
// a lock file of the user's own git. cleanup runs before each repetition.
func retry(ctx context.Context, cleanup, f func() error) error {
	const tries = 4
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == tries || !isTransient(err) {
			return err
		}
		if wait := pause(ctx, 20*time.Millisecond, time.Duration(try)*100*time.Millisecond); wait != nil {
			return errors.Join(err, wait)
		}
		if err := cleanup(); err != nil {
			return err
		}
	}
}
