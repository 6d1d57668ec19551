package stdio

import (
	"context"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
)

// request is one request of the client while it is in flight.
type request struct {
	message
	seq     uint64
	cancel  context.CancelFunc
	session mcpserver.ClientSession
	outbox  *outbox
	out     *writer

	mu   sync.Mutex
	over bool // answered or cancelled: nothing more is written for it
}

func (c *conn) newRequest(msg message, cancel context.CancelFunc) *request {
	r := &request{message: msg, seq: c.lastSeq.Add(1), cancel: cancel, out: c.out}
	r.outbox = &outbox{deliver: func(n mcp.JSONRPCNotification) { c.deliver(r, n) }}
	s := &session{profile: c.session.profile, outbox: r.outbox, id: c.session.id, calls: c.calls}
	if msg.modern {
		s.profile, s.calls = &profile{}, nil
	}
	r.session = s
	if r.isStream() {
		r.session = newStream(s, r)
	}
	return r
}

// isStream reports whether r is open for as long as the client wants it to be.
func (r *request) isStream() bool {
	return r.modern && r.method == string(mcp.MethodSubscriptionsListen)
}

func (r *request) send(text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.out.send(text)
	}
}

func (r *request) answer(text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over = true
		r.out.send(text)
	}
}

func (r *request) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

func (r *request) dropped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// serve runs r and answers it, also when its handler ends the goroutine instead
// of returning.
func (c *conn) serve(ctx context.Context, r *request) {
	reply := internalFault(r.id).line()
	defer func() { c.finish(r, reply) }()
	reply = c.respond(ctx, r)
}

// finish writes what the handler still has on its way, then the answer. The id is
// free before the client can see the answer and use it again.
func (c *conn) finish(r *request, reply []byte) {
	r.cancel()
	r.outbox.close()
	c.live.release(r)
	r.answer(reply)
	c.live.leave()
}

func (c *conn) respond(ctx context.Context, r *request) []byte {
	if ctx.Err() != nil && !r.isStream() {
		return (&fault{id: r.id, code: mcp.INTERNAL_ERROR, text: "the server is shutting down: nothing was done"}).line()
	}
	if stream, ok := r.session.(*stream); ok {
		if err := c.srv.RegisterSession(ctx, stream); err != nil {
			c.log.Error("register stream", "err", err)
			return internalFault(r.id).line()
		}
		defer c.srv.UnregisterSession(context.WithoutCancel(ctx), stream.SessionID())
	}
	if c.opt.Intercept != nil {
		if result, ok := c.opt.Intercept(r.method, r.params, r.modern); ok {
			return c.reply(r, mcp.JSONRPCResponse{Result: result})
		}
	}
	response, ok := c.engine(ctx, r.session, c.forEngine(r), r.seq)
	if !ok || r.dropped() {
		return internalFault(r.id).line()
	}
	return c.reply(r, response)
}

// forEngine is r as the engine gets to see it.
func (c *conn) forEngine(r *request) *message {
	if s, ok := r.session.(*session); ok && c.opt.RawArguments && r.params != nil && r.method == string(mcp.MethodToolsCall) {
		s.arguments = r.takeOut("arguments")
	}
	return &r.message
}

func (c *conn) reply(r *request, response mcp.JSONRPCMessage) []byte {
	text, err := encodeReply(r, response)
	if err != nil {
		c.log.Error("answer request", "method", r.method, "id", string(r.id), "err", err)
		return (&fault{id: r.id, code: mcp.INTERNAL_ERROR, text: "the result cannot be encoded as JSON"}).line()
	}
	return text
}

// deliver writes one notification that belongs to r, if it may be sent there.
func (c *conn) deliver(r *request, n mcp.JSONRPCNotification) {
	if stream, ok := r.session.(*stream); ok {
		stream.deliver(c, n)
		return
	}
	switch n.Method {
	case string(mcp.MethodNotificationProgress):
		if r.progressToken == nil {
			return
		}
		n.Params.AdditionalFields = with(n.Params.AdditionalFields, "progressToken", r.progressToken)
	case string(mcp.MethodNotificationMessage):
	default:
		if r.modern {
			c.log.Debug("dropped a notification the client has not subscribed to", "method", n.Method)
			return
		}
	}
	c.notify(n, r.send)
}

// broadcast writes one notification that belongs to no request.
func (c *conn) broadcast(n mcp.JSONRPCNotification) { c.notify(n, c.out.send) }

func (c *conn) notify(n mcp.JSONRPCNotification, send func([]byte)) {
	text, err := encodeNotification(n)
	if err != nil {
		c.log.Error("send notification", "method", n.Method, "err", err)
		return
	}
	send(text)
}
