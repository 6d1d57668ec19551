package tools

import (
	"context"
	"sync"
	"time"
)

// tending ends leases behind the calls. There is no daemon: whichever server is
// there when a lease is over tells so.
type tending struct {
	mu     sync.Mutex
	timer  *time.Timer
	closed bool
}

// longestRest is how long a server waits before it looks again for claims that
// others made, while there are any.
const longestRest = 30 * time.Second

// Tend makes sure that this process ends leases when they are over, and looks now and
// then which lanes overlap. It returns at
// once, and does nothing where that is taken care of or the board is read only.
func (b *Board) Tend() {
	b.watchLanes(shortRest)
	t := &b.shared.tending
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.timer != nil || b.ReadOnly {
		return
	}
	t.timer = time.AfterFunc(0, b.tend)
}

func (b *Board) tend() {
	t := &b.shared.tending
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	b.shared.background.Add(1)
	t.mu.Unlock()
	defer b.shared.background.Done()
	ctx, cancel := lasting(context.Background())
	defer cancel()
	next, err := b.TendClaims(ctx)
	if err != nil {
		b.Log.Warn("end leases that are over", "error", err)
		next = longestRest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if next == 0 || t.closed {
		t.timer = nil
		return
	}
	const margin = 5 * time.Millisecond // so that the lease is over then
	t.timer = time.AfterFunc(min(next+margin, longestRest), b.tend)
}

// tendAnew looks at once when the next lease is over: there is a new one.
func (b *Board) tendAnew() {
	t := &b.shared.tending
	t.mu.Lock()
	if t.timer != nil && t.timer.Stop() {
		t.timer = nil
	}
	t.mu.Unlock()
	b.Tend()
}

func (t *tending) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
}
