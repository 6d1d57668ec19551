package tools

import (
	"context"
	"sync"
	"time"
)

// watching looks now and then, behind the calls, which lanes would collide, so that
// somebody who waits for it is told. One server does it for all: the others find what
// it found.
type watching struct {
	mu     sync.Mutex
	timer  *time.Timer
	due    time.Time
	rest   time.Duration // until the next look
	closed bool
}

const (
	shortRest = 30 * time.Second // between looks while lanes change
	longRest  = 10 * time.Minute // while nothing changes
	soon      = 3 * time.Second  // after a change of ours
	thrift    = 50               // a look rests so many times as long as it took
)

// watchLanes makes sure that the lanes are looked at within a while.
func (b *Board) watchLanes(within time.Duration) {
	w := &b.shared.watching
	w.mu.Lock()
	defer w.mu.Unlock()
	due := time.Now().Add(within)
	if w.closed || b.ReadOnly || w.timer != nil && !due.Before(w.due) {
		return
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.due, w.rest = due, shortRest
	w.timer = time.AfterFunc(within, b.watch)
}

// lanesChanged is for calls that have changed what a lane has.
func (b *Board) lanesChanged() { b.watchLanes(soon) }

func (b *Board) watch() {
	w := &b.shared.watching
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	b.shared.background.Add(1)
	rest := w.rest
	w.mu.Unlock()
	defer b.shared.background.Done()
	ctx, cancel := b.untilClosing()
	defer cancel()
	next, err := b.watchOnce(ctx, rest)
	if err != nil && ctx.Err() == nil {
		b.Log.Warn("look which worktrees overlap", "error", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = nil
	if next > 0 && !w.closed {
		w.rest, w.due = next, time.Now().Add(next)
		w.timer = time.AfterFunc(next, b.watch)
	}
}

// untilClosing is a context that ends when the board closes.
func (b *Board) untilClosing() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-b.shared.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// watchOnce looks, unless somebody has within that rest, and says when to look again; 0
// where there are no two lanes. It rests the longer the longer nothing changes.
func (b *Board) watchOnce(ctx context.Context, rest time.Duration) (time.Duration, error) {
	lanes, err := b.radarLanes(ctx)
	if err != nil || len(lanes) < 2 {
		return 0, err
	}
	before := b.lastRadar()
	found, err := b.look(ctx, min(rest, shortRest).Seconds()-1)
	if err != nil {
		return longRest, err
	}
	if before.holds(found.Lanes) {
		rest *= 2
	} else {
		rest = shortRest
	}
	took := time.Duration(found.Took * float64(time.Second))
	return max(min(rest, longRest), took*thrift), nil
}

func (w *watching) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
