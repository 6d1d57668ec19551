package stdio

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
)

var (
	_ mcpserver.SessionWithLogging            = (*session)(nil)
	_ mcpserver.SessionWithClientInfo         = (*session)(nil)
	_ mcpserver.SessionWithProtocolVersion    = (*session)(nil)
	_ mcpserver.SessionWithRoots              = (*session)(nil)
	_ mcpserver.SessionWithSubscriptionFilter = (*stream)(nil)
)

// session is what handlers see of the client. The connection has one, registered
// with the MCPServer, which a legacy handshake initializes and which then
// receives broadcasts. Each request has its own as well, under the same id: its
// notifications belong to the request. The sessions of legacy requests share the
// connection's profile; a modern request brings its own, and cannot be asked anything.
type session struct {
	*profile
	*outbox
	id        string
	calls     *calls          // nil: the client takes no requests
	arguments json.RawMessage // of the tools/call that the session is of
}

// Arguments are those of the tools/call that ctx is of, byte for byte as the client
// wrote them; nil where there are none, or Options.RawArguments is not set.
func Arguments(ctx context.Context) json.RawMessage {
	if s, ok := mcpserver.ClientSessionFromContext(ctx).(*session); ok {
		return s.arguments
	}
	return nil
}

func (s *session) SessionID() string { return s.id }

// ListRoots asks the client for its roots, if it has said that it has any.
func (s *session) ListRoots(ctx context.Context, _ mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	if s.calls == nil {
		return nil, mcpserver.ErrServerInitiatedRequestUnsupported
	}
	if s.GetClientCapabilities().Roots == nil {
		return nil, mcpserver.ErrRootsNotSupported
	}
	raw, err := s.calls.call(ctx, string(mcp.MethodListRoots))
	if err != nil {
		return nil, fmt.Errorf("list roots: %w", err)
	}
	var result mcp.ListRootsResult
	if err := json.Unmarshal(raw, &result); err != nil {
		return nil, fmt.Errorf("decode roots: %w", err)
	}
	return &result, nil
}

// profile is what the client has said of itself.
type profile struct {
	mu           sync.RWMutex
	initialized  bool
	info         mcp.Implementation
	capabilities mcp.ClientCapabilities
	version      string
	level        mcp.LoggingLevel
}

// Initialize marks the profile as complete. Log messages start at level error, as
// in mcp-go's own transports.
func (p *profile) Initialize() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.initialized = true
	p.level = mcp.LoggingLevelError
}

func (p *profile) Initialized() bool                              { return get(p, &p.initialized) }
func (p *profile) GetClientInfo() mcp.Implementation              { return get(p, &p.info) }
func (p *profile) SetClientInfo(info mcp.Implementation)          { set(p, &p.info, info) }
func (p *profile) ProtocolVersion() string                        { return get(p, &p.version) }
func (p *profile) SetProtocolVersion(version string)              { set(p, &p.version, version) }
func (p *profile) GetLogLevel() mcp.LoggingLevel                  { return get(p, &p.level) }
func (p *profile) SetLogLevel(level mcp.LoggingLevel)             { set(p, &p.level, level) }
func (p *profile) SetClientCapabilities(c mcp.ClientCapabilities) { set(p, &p.capabilities, c) }
func (p *profile) GetClientCapabilities() mcp.ClientCapabilities {
	return get(p, &p.capabilities)
}

func get[T any](p *profile, field *T) T {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return *field
}

func set[T any](p *profile, field *T, value T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*field = value
}

// stream is the session of a subscriptions/listen request. It is registered with
// the MCPServer for as long as the request is open, and takes nothing but what
// its filter allows. Every message on it carries the id of the request, and the
// acknowledgement comes first.
type stream struct {
	*session
	request *request

	mu     sync.RWMutex
	filter mcp.SubscriptionFilter

	acknowledged bool // this and held are the outbox's alone
	held         []mcp.JSONRPCNotification
}

func newStream(s *session, r *request) *stream {
	s.id = fmt.Sprintf("%s/%d", s.id, r.seq)
	return &stream{session: s, request: r}
}

// SetSubscriptionFilter replaces the filter.
func (s *stream) SetSubscriptionFilter(filter mcp.SubscriptionFilter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = filter
}

// SubscriptionFilter is active from the start: what is broadcast before the
// client's filter is known must not reach it.
func (s *stream) SubscriptionFilter() (mcp.SubscriptionFilter, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.filter, true
}

func (s *stream) deliver(c *conn, n mcp.JSONRPCNotification) {
	n.Params.Meta = with(n.Params.Meta, mcp.MetaKeySubscriptionID, s.request.id)
	switch {
	case s.acknowledged:
		c.notify(n, s.request.send)
	case n.Method == mcp.MethodNotificationSubscriptionsAcknowledged:
		s.acknowledged = true
		c.notify(n, s.request.send)
		for _, held := range s.held {
			c.notify(held, s.request.send)
		}
		s.held = nil
	default:
		s.held = append(s.held, n)
	}
}

// with is a copy of m in which key has that value; m may be shared.
func with(m map[string]any, key string, value any) map[string]any {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]any{}
	}
	m[key] = value
	return m
}
