package files

import (
	"context"
	"os"
	"time"

	"wt-mcp/state"
)

const (
	// lookPause is how long a wait goes on without news at the most: a change may
	// be committed by a process that died before it reached the log.
	lookPause = 2 * time.Second
	// pollPause is how often the log is looked at where changes are not told.
	pollPause = 100 * time.Millisecond
)

// watch waits for changes of the event log.
type watch struct {
	store *Store
	told  *logNotifier // nil: the log is looked at
	last  os.FileInfo  // the log when it was last looked at; nil: there was none
	pause time.Duration
}

// Watch begins to watch the event log, which need not be there yet: what happens
// from now on ends a Wait. The caller closes it.
func (s *Store) Watch() (state.Watch, error) {
	s.disk.check()
	if err := s.guard(); err != nil {
		return nil, err
	}
	w := &watch{store: s, told: s.notifyLog(), pause: lookPause}
	w.last = w.look()
	return w, nil
}

// Wait returns nil once the log may have changed since the Wait before (or since
// the Watch was begun), after d, or after a few seconds, so that the caller looks
// at the board anyway. The error is that of ctx.
func (w *watch) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(d, w.pause))
	defer cancel()
	if w.told == nil || w.told.wait(ctx) != nil {
		w.poll(ctx)
	}
	if ctx.Err() == context.Canceled {
		return context.Canceled
	}
	return nil
}

// poll looks at the log until it has changed or ctx ends.
func (w *watch) poll(ctx context.Context) {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		now := w.look()
		same := now == nil && w.last == nil ||
			now != nil && w.last != nil && os.SameFile(now, w.last) && now.Size() == w.last.Size() && now.ModTime().Equal(w.last.ModTime())
		if w.last = now; !same {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) look() os.FileInfo {
	info, err := w.store.lstat(w.store.abs(state.EventsFile))
	if err != nil {
		return nil
	}
	return info
}

// Close ends the watch; the kernel takes its time for that, the caller need not.
func (w *watch) Close() {
	if w.told != nil {
		w.store.spawn(w.told.close)
	}
}
