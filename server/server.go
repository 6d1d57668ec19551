// Package server offers the tools of a board to MCP clients. It is the only
// place that knows the MCP SDK: schemas, dispatch, results and errors are shaped
// here, and nothing of the board is decided here.
//
// A Server is safe for concurrent use. Calls run side by side.
package server

import (
	"context"
	_ "embed"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"wt-mcp/server/stdio"
	"wt-mcp/state"
	"wt-mcp/tools"
)

// What clients show their model about the server as a whole.
//
//go:embed instructions.md
var instructions string

// Config says what a server offers. Open is called once a call needs the board,
// and again after it failed; roots asks the client for the directories that it
// works in, which takes a moment and may give none.
type Config struct {
	Version  string
	Sets     []tools.Set
	ReadOnly bool
	Log      *slog.Logger
	Open     func(ctx context.Context, roots func(context.Context) []string) (*tools.Board, error)
}

// Server is one MCP server, for one client.
type Server struct {
	config Config
	engine *mcpserver.MCPServer
	tools  map[string]offered

	opening chan struct{} // held by the call that opens the board, or looks whether it is open
	board   *tools.Board
	boards  []*tools.Board // that were opened: calls and runs may go on where the client was before
	moved   atomic.Bool    // the client works elsewhere since the board was opened
}

type offered struct {
	tools.Tool
	input func() (*jsonschema.Schema, error) // derived once, on the first call
}

// New makes a server with the tools of the configured sets.
func New(c Config) (*Server, error) {
	s := &Server{config: c, tools: map[string]offered{}, opening: make(chan struct{}, 1)}
	s.engine = mcpserver.NewMCPServer("wt-mcp", c.Version,
		mcpserver.WithTitle("Task board and git worktrees"),
		mcpserver.WithToolCapabilities(false),
		mcpserver.WithInstructions(instructions))
	for _, method := range []string{"notifications/initialized", mcp.MethodNotificationRootsListChanged} {
		s.engine.AddNotificationHandler(method, func(ctx context.Context, _ mcp.JSONRPCNotification) { s.openEarly(ctx) })
	}
	schemas, err := generated()
	if err != nil {
		return nil, err
	}
	for _, t := range tools.All() {
		if !slices.Contains(c.Sets, t.Set) || (c.ReadOnly && !t.ReadOnly) {
			continue
		}
		if err := s.add(t, schemas[t.Name]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) add(t tools.Tool, made schemas) error {
	if made.Input == nil {
		var err error
		if made, err = derive(t); err != nil {
			return err
		}
	}
	s.tools[t.Name] = offered{Tool: t, input: sync.OnceValues(func() (*jsonschema.Schema, error) { return inputSchema(t.In) })}
	definition := define(t, made)
	s.engine.AddTool(definition, func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return s.handle(ctx, r), nil
	})
	return nil
}

// define is the tool as clients list it. All four annotations are given: the
// protocol's defaults are the alarming ones.
func define(t tools.Tool, made schemas) mcp.Tool {
	return mcp.Tool{Name: t.Name, Title: t.Title, Description: t.Description, RawInputSchema: made.Input, RawOutputSchema: made.Output,
		Annotations: mcp.ToolAnnotation{ReadOnlyHint: &t.ReadOnly, DestructiveHint: &t.Destructive,
			IdempotentHint: &t.Idempotent, OpenWorldHint: &t.OpenWorld}}
}

// Serve speaks MCP with one client until in ends or ctx does.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	defer s.Close()
	return stdio.Serve(ctx, s.engine, in, out, stdio.Options{Log: s.config.Log, RawArguments: true,
		Intercept: s.intercept, Kind: s.kind, Heard: s.heard})
}

// heard takes notice of a client that works elsewhere from now on.
func (s *Server) heard(notification string) {
	if notification == mcp.MethodNotificationRootsListChanged {
		s.moved.Store(true)
	}
}

// Close waits for work that goes on behind answered calls.
func (s *Server) Close() {
	s.opening <- struct{}{}
	defer func() { <-s.opening }()
	for _, board := range s.boards {
		board.Close()
	}
}

// handle answers one tools/call.
func (s *Server) handle(ctx context.Context, r mcp.CallToolRequest) *mcp.CallToolResult {
	answer, err := s.call(ctx, r.Params.Name, stdio.Arguments(ctx), s.caller(ctx), s.roots)
	if err != nil {
		return failure(err)
	}
	return success(answer)
}

// caller is who the client says it is.
func (s *Server) caller(ctx context.Context) tools.Caller {
	c := tools.Caller{Progress: func(seconds float64, message string) { s.progress(ctx, seconds, message) }}
	if session, ok := mcpserver.ClientSessionFromContext(ctx).(mcpserver.SessionWithClientInfo); ok {
		c.Actor = state.Clip(state.Visible(session.GetClientInfo().Name), 60)
	}
	return c
}

// progress tells the client, if it asked to be told, how a call gets on.
func (s *Server) progress(ctx context.Context, seconds float64, message string) {
	err := s.engine.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": seconds, "message": message})
	if err != nil {
		s.config.Log.Debug("send progress", "error", err)
	}
}
