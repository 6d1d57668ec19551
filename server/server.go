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
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"wt-mcp/server/desk"
	"wt-mcp/server/stdio"
	"wt-mcp/state"
	"wt-mcp/tools"
)

// What clients show their model about the server as a whole.
//
//go:embed instructions.md
var instructions string

// What a model is told with its first answer where its client shows it no
// instructions.
//
//go:embed lesson.md
var lesson string

// Config says what a server offers: the tools of a desk, which it does not close.
type Config struct {
	Version string
	Desk    *desk.Desk
	Log     *slog.Logger
	Answers Form   // default: Auto
	Pinned  bool   // to a repository that the user named: clients are not asked for another
	Session string // of Claude Code, where it started the server
}

// Server is one MCP server, for one client.
type Server struct {
	config Config
	engine *mcpserver.MCPServer
	desk   *desk.Desk
	client *desk.Client
	quiet  map[string][]string // keys of the result that are for programs, by tool
	taught atomic.Bool
	roots  roots
}

// New makes a server with the tools of the desk.
func New(c Config) (*Server, error) {
	s := &Server{config: c, desk: c.Desk, quiet: map[string][]string{}}
	s.client = c.Desk.Client(s.where)
	s.roots.late = s.client.Moved
	s.engine = mcpserver.NewMCPServer("wt-mcp", c.Version,
		mcpserver.WithTitle("Task board and git worktrees"),
		mcpserver.WithToolCapabilities(false),
		mcpserver.WithToolFilter(s.unpromised),
		mcpserver.WithHooks(s.greetings()),
		mcpserver.WithInstructions(instructions))
	for _, method := range []string{"notifications/initialized", mcp.MethodNotificationRootsListChanged} {
		s.engine.AddNotificationHandler(method, func(ctx context.Context, _ mcp.JSONRPCNotification) { s.client.Arrive(ctx) })
	}
	schemas, err := generated()
	if err != nil {
		return nil, err
	}
	for _, t := range tools.All() {
		if !s.desk.Offers(t.Name) {
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
	definition := define(t, made)
	s.quiet[t.Name] = t.Quiet
	s.engine.AddTool(definition, func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return s.handle(ctx, r), nil
	})
	return nil
}

// define is the tool as clients list it. All four annotations are given: the
// protocol's defaults are the alarming ones.
func define(t tools.Tool, made schemas) mcp.Tool {
	listed := mcp.Tool{Name: t.Name, Title: t.Title, Description: t.Description, RawInputSchema: made.Input, RawOutputSchema: made.Output,
		Annotations: mcp.ToolAnnotation{ReadOnlyHint: &t.ReadOnly, DestructiveHint: &t.Destructive,
			IdempotentHint: &t.Idempotent, OpenWorldHint: &t.OpenWorld}}
	if t.Core {
		listed.Meta = mcp.NewMetaFromMap(map[string]any{"anthropic/alwaysLoad": true})
	}
	return listed
}

// Serve speaks MCP with one client until in ends or ctx does.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return stdio.Serve(ctx, s.engine, in, out, stdio.Options{Log: s.config.Log, RawArguments: true,
		Intercept: s.intercept, Kind: s.kind, Heard: s.heard})
}

// heard takes notice of a client that works elsewhere from now on.
func (s *Server) heard(notification string) {
	if notification == mcp.MethodNotificationRootsListChanged {
		s.roots.renew()
		s.client.Moved()
	}
}

// handle answers one tools/call, also where a tool panics: the client is not told what
// the panic said.
func (s *Server) handle(ctx context.Context, r mcp.CallToolRequest) (result *mcp.CallToolResult) {
	defer func() {
		if p := recover(); p != nil {
			s.config.Log.Error("tool panicked", "tool", r.Params.Name, "panic", p, "stack", string(debug.Stack()))
			result = failure(state.Errorf(state.Internal, "the server goes on: look with task_list or worktree_status at what was done before you repeat the call", "%s failed; the server's log has the details", r.Params.Name))
		}
	}()
	if question := s.question(ctx, r); question != nil {
		return question
	}
	answer, err := s.client.Call(ctx, r.Params.Name, stdio.Arguments(ctx), s.caller(ctx, r.Params.Meta))
	if err != nil {
		return failure(err)
	}
	return s.answered(ctx, r.Params.Name, answer)
}

// caller is who the client says it is.
func (s *Server) caller(ctx context.Context, meta *mcp.Meta) tools.Caller {
	told := &pace{}
	c := tools.Caller{Progress: func(seconds float64, message string) {
		if told.news(time.Now(), message) {
			s.progress(ctx, seconds, message)
		}
	}}
	name := clientName(ctx)
	from := originOf(name, s.config.Session, meta)
	c.Actor, c.Session, c.Thread = from.actor(state.Clip(state.Visible(name), 60)), from.session, from.thread
	return c
}

// progress tells the client, if it asked to be told, how a call gets on.
func (s *Server) progress(ctx context.Context, seconds float64, message string) {
	err := s.engine.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": seconds, "message": message})
	if err != nil {
		s.config.Log.Debug("send progress", "error", err)
	}
}
