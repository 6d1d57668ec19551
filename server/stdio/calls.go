package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

var errHungUp = errors.New("client has ended the conversation")

// calls are our own requests to the client. Their ids are ours: "wt-1", "wt-2", …
type calls struct {
	out *writer

	mu      sync.Mutex
	last    int
	waiting map[string]chan message // nil when closed
}

func newCalls(out *writer) *calls {
	return &calls{out: out, waiting: map[string]chan message{}}
}

// call asks the client and waits for its answer until ctx ends; then it tells the
// client that no answer is wanted any more.
func (c *calls) call(ctx context.Context, method string) (json.RawMessage, error) {
	id, answer := c.open()
	if answer == nil {
		return nil, errHungUp
	}
	c.out.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%q,"method":%q}`+"\n", id, method))
	select {
	case msg, ok := <-answer:
		return outcome(msg, ok)
	case <-ctx.Done():
		if c.forget(id) != nil {
			c.out.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%q}}`+"\n", id))
		}
		return nil, ctx.Err()
	}
}

func outcome(msg message, ok bool) (json.RawMessage, error) {
	if !ok {
		return nil, errHungUp
	}
	if msg.failure == nil {
		return msg.result, nil
	}
	var failure struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(msg.failure, &failure); err != nil {
		return nil, fmt.Errorf("decode error of client: %w", err)
	}
	return nil, fmt.Errorf("client answered error %d: %s", failure.Code, failure.Message)
}

func (c *calls) open() (string, <-chan message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return "", nil
	}
	c.last++
	id := fmt.Sprintf("wt-%d", c.last)
	answer := make(chan message, 1)
	c.waiting[id] = answer
	return id, answer
}

func (c *calls) forget(id string) chan message {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := c.waiting[id]
	delete(c.waiting, id)
	return answer
}

// resolve hands a response to who waits for it, if anybody does.
func (c *calls) resolve(msg message) bool {
	id, _ := unquote(msg.id)
	answer := c.forget(id)
	if answer == nil {
		return false
	}
	answer <- msg
	return true
}

// close ends all calls: no answer will come any more.
func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, answer := range c.waiting {
		close(answer)
	}
	c.waiting = nil
}
