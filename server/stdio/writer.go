package stdio

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// backlogWarning is how much unread output is worth a warning.
const backlogWarning = 64 << 20

var errStalled = errors.New("the client has stopped reading")

// writer writes lines from one goroutine, in the order they were sent. Sending
// never waits: the queue has no limit.
type writer struct {
	out  io.Writer
	log  *slog.Logger
	wake chan struct{}
	done chan struct{} // closed when nothing more will be written

	mu      sync.Mutex
	queue   [][]byte
	pending int // bytes queued and not yet written
	written int // lines
	warned  bool
	closed  bool
	err     error
}

func newWriter(out io.Writer, log *slog.Logger) *writer {
	return &writer{out: out, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// send queues one line, newline included. After close or a failed write it does
// nothing.
func (w *writer) send(text []byte) {
	w.mu.Lock()
	if w.closed || w.err != nil {
		w.mu.Unlock()
		return
	}
	w.queue = append(w.queue, text)
	w.pending += len(text)
	w.warnOnce()
	w.mu.Unlock()
	w.rouse()
}

func (w *writer) warnOnce() {
	if w.pending >= backlogWarning && !w.warned {
		w.warned = true
		w.log.Warn("client does not read: output is piling up in memory", "bytes", w.pending)
	}
}

func (w *writer) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run writes until the writer is closed and empty, or a write fails.
func (w *writer) run() {
	defer close(w.done)
	for {
		batch, more := w.take()
		for i, text := range batch {
			batch[i] = nil // a backlog shrinks as it is written
			if !w.write(text) {
				return
			}
		}
		switch {
		case !more:
			return
		case batch == nil:
			<-w.wake
		}
	}
}

func (w *writer) take() (batch [][]byte, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, w.queue = w.queue, nil
	return batch, batch != nil || !w.closed
}

func (w *writer) write(text []byte) bool {
	_, err := w.out.Write(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending -= len(text)
	w.written++
	if w.pending == 0 {
		w.warned = false
	}
	if w.err == nil {
		w.err = err
	}
	return w.err == nil
}

// drain lets the queue run empty and returns the error that stopped it. It gives up
// when not a single line could be written for as long as stall.
func (w *writer) drain(stall time.Duration) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.rouse()
	for {
		before := w.progress()
		select {
		case <-w.done:
			return w.err
		case <-time.After(stall):
		}
		if w.progress() == before {
			return w.abandon()
		}
	}
}

func (w *writer) progress() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

func (w *writer) abandon() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = errStalled
	}
	return w.err
}
