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
// never waits: how much is sent is bounded by what is begun.
type writer struct {
	out  io.Writer
	log  *slog.Logger
	wake chan struct{}
	done chan struct{} // closed when nothing more will be written
	read func()        // told of each line that was written

	mu      sync.Mutex
	queue   [][]byte
	pending int       // bytes queued and not yet written
	taken   time.Time // when the last line was written
	warned  bool
	closed  bool
	err     error
}

func newWriter(out io.Writer, log *slog.Logger) *writer {
	return &writer{out: out, log: log, wake: make(chan struct{}, 1), done: make(chan struct{}), read: func() {}}
}

// unread is how many bytes are sent and not yet written.
func (w *writer) unread() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending
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
	defer w.read()
	_, err := w.out.Write(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending -= len(text)
	w.taken = time.Now()
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
	if w.stuck(time.Now(), stall, nil) {
		return w.abandon()
	}
	return w.err
}

// stuck waits until nothing was written for as long as stall, counted from begun
// at the earliest. It returns false when there is nothing more to write, or when
// it is told to stop.
func (w *writer) stuck(begun time.Time, stall time.Duration, stop <-chan struct{}) bool {
	for {
		left := stall - time.Since(w.since(begun))
		if left <= 0 {
			return true
		}
		select {
		case <-w.done:
			return false
		case <-stop:
			return false
		case <-time.After(left):
		}
	}
}

// since is when the client last took something, or did not have to.
func (w *writer) since(begun time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.pending == 0 && !w.closed:
		return time.Now()
	case w.taken.After(begun):
		return w.taken
	}
	return begun
}

func (w *writer) abandon() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = errStalled
	}
	return w.err
}
