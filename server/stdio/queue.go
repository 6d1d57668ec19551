package stdio

import (
	"context"
	"sync"
)

const (
	// mostAtOnce is how many requests of no kind run at the same time, and mostOfKind
	// how many of one kind do.
	mostAtOnce = 1000
	mostOfKind = 8

	// large is the size from which on messages are handled one at a time: to decode
	// one takes several times its size.
	large     = 1 << 20
	largeKind = "large message"

	// overhead is what a message that waits takes besides its text, and mostTaken
	// the bytes of messages that are taken in before the reader waits.
	overhead  = 1 << 10
	mostTaken = 24 << 20

	// mostUnread is how many bytes the client may leave unread before no further
	// request is begun, and mostUnsent before nothing more is taken in.
	mostUnread = 32 << 20
	mostUnsent = 2 * mostUnread
)

// queue says when the messages that were taken in are worked on: those of one kind
// in the order in which they came, so many at once, and none while the client has
// much left to read. What waits costs its text and little more.
type queue struct {
	start  func(func())
	unread func() int    // bytes that the client has not read yet
	eased  chan struct{} // something may be taken in again

	mu    sync.Mutex
	taken int // bytes of what is not done
	lanes []*lane
	over  bool // nothing waits any more
}

// lane holds what waits and counts what runs of one kind.
type lane struct {
	kind    string
	running int
	waiting []job
}

type job struct {
	size int
	run  func()
}

func newQueue(start func(func()), unread func() int) *queue {
	return &queue{start: start, unread: unread, eased: make(chan struct{}, 1)}
}

// add has a message of that many bytes worked on in its turn.
func (q *queue) add(kind string, size int, run func()) {
	if size >= large {
		kind = largeKind
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		q.start(run)
		return
	}
	q.taken += size + overhead
	l := q.lane(kind)
	l.waiting = append(l.waiting, job{size + overhead, run})
	q.advance()
}

func (q *queue) lane(kind string) *lane {
	for _, l := range q.lanes {
		if l.kind == kind {
			return l
		}
	}
	l := &lane{kind: kind}
	q.lanes = append(q.lanes, l)
	return l
}

func (l *lane) full() bool {
	switch l.kind {
	case "":
		return l.running >= mostAtOnce
	case largeKind:
		return l.running >= 1
	}
	return l.running >= mostOfKind
}

// advance begins what may begin.
func (q *queue) advance() {
	for _, l := range q.lanes {
		for len(l.waiting) > 0 && !l.full() && q.unread() < mostUnread {
			q.begin(l)
		}
	}
}

func (q *queue) begin(l *lane) {
	next := l.waiting[0]
	l.waiting[0] = job{}
	l.waiting = l.waiting[1:]
	l.running++
	q.start(func() {
		defer q.done(l, next.size)
		next.run()
	})
}

func (q *queue) done(l *lane, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.running--
	q.taken -= size
	q.advance()
	q.ease()
}

// read tells that the client has read something.
func (q *queue) read() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	q.ease()
}

func (q *queue) ease() {
	select {
	case q.eased <- struct{}{}:
	default:
	}
}

// room waits until something more may be taken in, or ctx ends. It is the reader's.
func (q *queue) room(ctx context.Context) {
	for !q.hasRoom() {
		select {
		case <-q.eased:
		case <-ctx.Done():
			return
		}
	}
}

func (q *queue) hasRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken < mostTaken && q.unread() < mostUnsent
}

// end has everything that waits run, one after the other: by now a run only says
// that nothing was done.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = true
	var rest []job
	for _, l := range q.lanes {
		rest, l.waiting = append(rest, l.waiting...), nil
	}
	q.start(func() {
		for _, j := range rest {
			j.run()
		}
	})
}
