package stdio

import (
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

const outboxSize = 256

// outbox is the channel through which mcp-go sends notifications. mcp-go gives up on a
// full channel, so each request for the channel first makes room in it: nothing
// is lost unless more than half of outboxSize goroutines send at the same instant.
// deliver is called by one goroutine, in the order of sending.
type outbox struct {
	deliver func(mcp.JSONRPCNotification)

	mu     sync.Mutex
	queue  chan mcp.JSONRPCNotification // nil until it is asked for
	flush  chan chan struct{}
	closed bool
}

// NotificationChannel returns nil when the outbox is closed: mcp-go then reports
// to the sender that the channel is blocked.
func (o *outbox) NotificationChannel() chan<- mcp.JSONRPCNotification {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	if o.queue == nil {
		o.queue = make(chan mcp.JSONRPCNotification, outboxSize)
		o.flush = make(chan chan struct{})
		go o.pump()
	}
	if len(o.queue) >= outboxSize/2 {
		o.settle()
	}
	return o.queue
}

// close delivers what was sent and drops whatever comes later.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue != nil && !o.closed {
		o.settle()
		close(o.flush)
	}
	o.closed = true
}

// settle returns when everything sent so far is delivered.
func (o *outbox) settle() {
	delivered := make(chan struct{})
	o.flush <- delivered
	<-delivered
}

func (o *outbox) pump() {
	for {
		select {
		case n := <-o.queue:
			o.deliver(n)
		case delivered, open := <-o.flush:
			if !open {
				return
			}
			for range len(o.queue) {
				o.deliver(<-o.queue)
			}
			close(delivered)
		}
	}
}
