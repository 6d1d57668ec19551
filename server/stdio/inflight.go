package stdio

import (
	"encoding/json"
	"errors"
	"sync"
)

var (
	errBusy = errors.New("id is already in use by a request in flight")
	errShut = errors.New("server is shutting down")
)

// inflight holds the requests that have no answer yet, by their raw ids, and
// counts the goroutines that work for the client.
type inflight struct {
	mu      sync.Mutex
	byID    map[string]*request
	running int
	shut    bool
	idle    chan struct{} // closed when shut and nothing runs
}

func newInflight() *inflight {
	return &inflight{byID: map[string]*request{}, idle: make(chan struct{})}
}

// add takes r in; each add needs a leave.
func (t *inflight) add(r *request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shut {
		return errShut
	}
	if _, busy := t.byID[string(r.id)]; busy {
		return errBusy
	}
	t.byID[string(r.id)] = r
	t.running++
	return nil
}

// enter counts a goroutine that serves no request; each enter that is true needs a
// leave.
func (t *inflight) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.shut {
		t.running++
	}
	return !t.shut
}

func (t *inflight) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.shut && t.running == 0 {
		close(t.idle)
	}
}

// take removes and returns the request with that id, nil if there is none.
func (t *inflight) take(id json.RawMessage) *request {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byID[string(id)]
	delete(t.byID, string(id))
	return r
}

// release frees the id of r, unless it went to another request already.
func (t *inflight) release(r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[string(r.id)] == r {
		delete(t.byID, string(r.id))
	}
}

// close lets nothing more in. The channel it returns is closed when nothing runs.
func (t *inflight) close() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.shut && t.running == 0 {
		close(t.idle)
	}
	t.shut = true
	return t.idle
}

// endStreams makes every open stream end with its result.
func (t *inflight) endStreams() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.byID {
		if r.isStream() {
			r.cancel()
		}
	}
}

func (t *inflight) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running
}
