// Package stdio carries MCP over a pair of byte streams: one JSON-RPC message
// per line in, one per line out. [Serve] takes the place of mcp-go's own stdio
// loop; mcp-go stays the protocol engine behind it. It promises:
//
// Answers. Every request is answered exactly once, unless the client cancels
// it. The answer carries the id byte for byte as the client sent it. A result
// that cannot be encoded, a handler that panics, a line that is no message: each
// is answered with an error. Responses and notifications are never answered.
//
// Order. Requests run side by side, each in its own goroutine; none waits for
// one of another kind (Options.Kind), and of its own only for those that came
// before it. The exception is initialize: nothing that follows it is looked at
// before its answer is queued. What a handler sends through its session is written
// before its answer, and nothing for a request is written after its answer.
//
// Writing. Each message is one Write of one whole line. A handler never waits for
// the client to read: what is not yet written is kept in memory, and nothing of
// it is dropped.
//
// Bounds. So many requests run at once, large messages one at a time. While the
// client leaves 32 MB unread no further request is begun; it is taken in, its
// cancellation and a ping are heard and answered. With 24 MB of requests
// taken in, or 64 MB unread, reading stops until it is less. What was taken in is
// answered all the same.
//
// Cancellation. notifications/cancelled ends the request's context at once, also
// when its goroutine has not started. From then on nothing is written for it
// and its id is free again. initialize cannot be cancelled.
//
// The end. At end of input what is in flight has Options.Grace to answer, and
// streams (subscriptions/listen) are closed at once. When ctx ends, or the
// client no longer takes what is written, the contexts of all requests are
// cancelled. Either way handlers get a short while to return, what they
// answered is written, and Serve returns. A goroutine that is blocked in in.Read
// or out.Write at that moment is left behind and does nothing more.
//
// A handler reports progress with
//
//	srv.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": 1, "message": "…"})
//
// The request's progress token is put in here, exactly as the client gave it; when it
// gave none, nothing is sent. Handlers use the ctx they were called with and make
// a new map each time. A hook of initialize must not ask the client anything: it
// runs on the reader.
//
// Several Serve calls may share one MCPServer. It must not have mcp-go's
// WithRecovery, which tells the client what a panic said.
package stdio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	mcpserver "github.com/mark3labs/mcp-go/server"
)

const (
	defaultMaxMessage = 16 << 20
	defaultGrace      = 5 * time.Second

	// settle is how long cancelled handlers have to return, and how long the
	// client may read nothing before the rest of the output is given up.
	settle = 3 * time.Second
)

// Options are the limits of one Serve. The zero value of a field means its default.
type Options struct {
	// Log hears of panics, of results that cannot be encoded and of clients that
	// do not keep to the protocol. It must not write to out. Default: discard.
	Log *slog.Logger

	// MaxMessage is the longest line taken, in bytes without its newline. A
	// longer one is skipped and answered with an error. Default: 16 MB.
	MaxMessage int

	// Intercept, where it is set, is asked before the engine: with ok true its
	// result answers the request; modern tells the era. It must be quick and safe for concurrent use.
	Intercept func(method string, params json.RawMessage, modern bool) (result any, ok bool)

	// RawArguments keeps the arguments of tools/call from the engine, which copies
	// and decodes them several times and cannot tell a tool what it could not read.
	// A handler finds them with [Arguments].
	RawArguments bool

	// Kind, where it is set, names the kind of a request that is over soon: a few of
	// one kind run at a time. "" is a request that may take as long as it likes; a
	// thousand of those run at a time. It is called by the reader.
	Kind func(method string, params json.RawMessage) string

	// Heard, where it is set, is told of each notification before anything that
	// follows it is looked at. It must be quick.
	Heard func(method string)

	// Grace is how long requests may go on after the end of input. A negative
	// Grace cancels them at once. Default: 5 s.
	Grace time.Duration
}

// Serve serves one client until in ends (nil), ctx ends (its error), or in or out
// fails (an error that wraps theirs).
func Serve(ctx context.Context, srv *mcpserver.MCPServer, in io.Reader, out io.Writer, opt Options) error {
	opt = opt.withDefaults()
	served, cancel := context.WithCancel(ctx)
	defer cancel()

	c := newConn(srv, out, opt, cancel)
	c.queue = newQueue(newWorkers(served.Done()).run, c.out.unread)
	c.out.read = c.queue.read
	if err := srv.RegisterSession(ctx, c.session); err != nil {
		return fmt.Errorf("register session: %w", err)
	}
	defer srv.UnregisterSession(context.WithoutCancel(ctx), c.session.SessionID())

	go c.out.run()
	read := make(chan error, 1)
	go func() { read <- c.readAll(served, in) }()
	return c.wait(ctx, read)
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = defaultMaxMessage
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	return o
}

// conn is one client being served.
type conn struct {
	srv     *mcpserver.MCPServer
	opt     Options
	log     *slog.Logger
	cancel  context.CancelFunc
	out     *writer
	session *session // the connection's own: legacy handshake and broadcasts
	live    *inflight
	queue   *queue
	calls   *calls
	lastSeq atomic.Uint64
}

func newConn(srv *mcpserver.MCPServer, out io.Writer, opt Options, cancel context.CancelFunc) *conn {
	c := &conn{srv: srv, opt: opt, log: opt.Log, cancel: cancel, live: newInflight()}
	c.out = newWriter(out, opt.Log)
	c.calls = newCalls(c.out)
	c.session = &session{
		profile: &profile{},
		outbox:  &outbox{deliver: c.broadcast},
		id:      "stdio-" + rand.Text(),
		calls:   c.calls,
	}
	return c
}

// wait returns when the conversation is over and all that is to be written is
// written.
func (c *conn) wait(ctx context.Context, read <-chan error) error {
	select {
	case <-ctx.Done():
	case <-c.out.done:
	case err := <-read:
		c.inputEnded(ctx)
		return c.stop(ctx, err)
	}
	return c.stop(ctx, nil)
}

// inputEnded lets what is in flight answer, for as long as Grace allows and
// someone is there to read the answers.
func (c *conn) inputEnded(ctx context.Context) {
	c.calls.close()
	idle := c.live.close()
	c.live.endStreams()
	grace, cancel := context.WithTimeout(ctx, c.opt.Grace)
	defer cancel()
	go c.giveUp(grace, cancel)
	select {
	case <-idle:
	case <-grace.Done():
	case <-c.out.done:
	}
}

// giveUp ends the wait for answers that nobody reads.
func (c *conn) giveUp(ctx context.Context, cancel context.CancelFunc) {
	if c.out.stuck(time.Now(), settle, ctx.Done()) {
		cancel()
	}
}

// stop cancels what still runs, waits for it, and writes what is queued.
func (c *conn) stop(ctx context.Context, readErr error) error {
	c.calls.close()
	idle := c.live.close()
	c.cancel()
	c.queue.end()
	c.awaitIdle(idle)
	c.session.close()
	writeErr := c.out.drain(settle)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case writeErr != nil:
		return fmt.Errorf("write message: %w", writeErr)
	case readErr != nil:
		return fmt.Errorf("read message: %w", readErr)
	}
	return nil
}

func (c *conn) awaitIdle(idle <-chan struct{}) {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
		c.log.Warn("handlers did not return after their context was cancelled", "handlers", c.live.count())
	}
}
