package stdio

import (
	"bytes"
	"context"
	"errors"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
)

// handle takes one line to where it belongs. It runs on the reader and waits for
// nothing but initialize and ping.
func (c *conn) handle(ctx context.Context, l line) {
	if l.over {
		c.fault(oversize(l, c.opt.MaxMessage))
		return
	}
	text := bytes.Trim(l.text, blanks)
	if len(text) == 0 {
		return
	}
	msg, bad := parse(text)
	switch {
	case bad != nil:
		c.fault(bad)
	case msg.isResponse():
		c.response(msg)
	case msg.id == nil:
		c.notification(ctx, msg, l.size)
	default:
		c.request(ctx, msg, l.size)
	}
}

func (c *conn) fault(f *fault) {
	if f != nil {
		c.out.send(f.line())
	}
}

func (c *conn) response(msg message) {
	if !c.calls.resolve(msg) {
		c.log.Debug("ignored a response to no request of ours", "id", string(msg.id))
	}
}

// notification hands what the engine may care for to the engine, in a goroutine
// of its own: a handler that asks the client something must not block the reader.
func (c *conn) notification(ctx context.Context, msg message, size int) {
	if msg.method == string(mcp.MethodNotificationCancelled) {
		c.cancelled(msg)
		return
	}
	if c.opt.Heard != nil {
		c.opt.Heard(msg.method)
	}
	if !c.live.enter() {
		return
	}
	c.queue.add(notices, size, func() {
		defer c.live.leave()
		_, _ = c.engine(ctx, c.session, &msg, 0)
	})
}

func (c *conn) cancelled(msg message) {
	r := c.live.take(msg.member("requestId"))
	if r == nil {
		c.log.Debug("ignored the cancellation of a request that is not in flight")
		return
	}
	r.drop()
	r.cancel()
}

func (c *conn) request(ctx context.Context, msg message, size int) {
	if !c.mayRun(&msg) {
		c.fault(&fault{id: msg.id, code: mcp.INVALID_REQUEST, text: uninitialized})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	r := c.newRequest(msg, cancel)
	if err := c.live.add(r); err != nil {
		cancel()
		if errors.Is(err, errBusy) {
			c.fault(&fault{id: msg.id, code: mcp.INVALID_REQUEST, text: err.Error()})
		}
		return
	}
	switch mcp.MCPMethod(msg.method) {
	case mcp.MethodInitialize, mcp.MethodPing:
		c.serve(ctx, r)
		return
	}
	c.queue.add(c.kind(&msg), size, func() { c.serve(ctx, r) })
}

// notices is the kind of what wants no answer.
const notices = "notification"

func (c *conn) kind(msg *message) string {
	if c.opt.Kind == nil {
		return ""
	}
	return c.opt.Kind(msg.method, msg.params)
}

const uninitialized = "not initialized: send initialize first, or carry a protocol version of 2026-07-28 or later in " +
	`params._meta["` + mcp.MetaKeyProtocolVersion + `"]`

// mayRun holds legacy clients to the handshake. A second initialize is taken, and
// renews what the first one told: bridges put several clients in a row on one
// server.
func (c *conn) mayRun(msg *message) bool {
	if msg.modern || c.session.Initialized() {
		return true
	}
	switch mcp.MCPMethod(msg.method) {
	case mcp.MethodInitialize, mcp.MethodPing, mcp.MethodServerDiscover:
		return true
	}
	return false
}

// engine runs mcp-go on a message. ok is false when it panicked.
func (c *conn) engine(ctx context.Context, s mcpserver.ClientSession, msg *message, seq uint64) (_ mcp.JSONRPCMessage, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("handler panicked", "method", msg.method, "id", string(msg.id),
				"panic", p, "stack", string(debug.Stack()))
		}
	}()
	return c.srv.HandleMessage(c.srv.WithContext(ctx, s), msg.engineForm(seq)), true
}
