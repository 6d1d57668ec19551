package stdio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

const (
	hello  = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"test","version":"1"}}}`
	modern = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	ping   = `{"jsonrpc":"2.0","id":"ping","method":"ping"}`
	pong   = `{"jsonrpc":"2.0","id":"ping","result":{}}`
)

// peer is the client's end of a Serve.
type peer struct {
	t      *testing.T
	in     *io.PipeWriter
	out    *bufio.Reader
	outEnd *io.PipeReader
	cancel context.CancelFunc
	served chan error
	log    *logBuffer
}

func serve(t *testing.T, srv *mcpserver.MCPServer, opt Options) *peer {
	t.Helper()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p := &peer{t: t, in: inWrite, out: bufio.NewReader(outRead), outEnd: outRead, cancel: cancel, served: make(chan error, 1), log: &logBuffer{}}
	opt.Log = slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		err := Serve(ctx, srv, inRead, outWrite, opt)
		_ = outWrite.Close()
		p.served <- err
	}()
	t.Cleanup(func() {
		cancel()
		_ = inWrite.Close()
		_ = outRead.Close()
	})
	return p
}

// greeted is a peer that has done the legacy handshake.
func greeted(t *testing.T, srv *mcpserver.MCPServer, opt Options) *peer {
	t.Helper()
	p := serve(t, srv, opt)
	p.send(hello)
	require.Contains(t, p.next(), `"id":"hello","result"`)
	return p
}

// send writes lines in one piece.
func (p *peer) send(lines ...string) {
	p.t.Helper()
	_, err := io.WriteString(p.in, strings.Join(lines, "\n")+"\n")
	require.NoError(p.t, err)
}

func (p *peer) next() string {
	p.t.Helper()
	text, err := p.out.ReadString('\n')
	require.NoError(p.t, err, "read answer")
	return strings.TrimSuffix(text, "\n")
}

func (p *peer) nextN(n int) []string {
	p.t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = p.next()
	}
	return lines
}

// rest is everything up to the end of the output.
func (p *peer) rest() []string {
	p.t.Helper()
	text, err := io.ReadAll(p.out)
	require.NoError(p.t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (p *peer) endInput() { _ = p.in.Close() }

// hangUp ends the input and returns what Serve returned; nothing more may be written.
func (p *peer) hangUp() error {
	p.t.Helper()
	p.endInput()
	require.Equal(p.t, []string{""}, p.rest())
	return <-p.served
}

func call(id any, tool, arguments string) string {
	raw, _ := json.Marshal(id)
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"progressToken":%s}}}`, raw, tool, arguments, raw)
}

func cancelOf(rawID string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, rawID)
}

// logBuffer is a log that goroutines may share.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// bench is a server with the tools the tests need, and what they tell.
type bench struct {
	*mcpserver.MCPServer
	started chan string   // names of the blocking tools that began
	stopped chan error    // why their contexts ended
	release chan struct{} // lets "stuck" go
}

func newBench(options ...mcpserver.ServerOption) *bench {
	b := &bench{
		MCPServer: mcpserver.NewMCPServer("bench", "1", options...),
		started:   make(chan string, 2000),
		stopped:   make(chan error, 2000),
		release:   make(chan struct{}),
	}
	for name, handler := range map[string]mcpserver.ToolHandlerFunc{
		"echo": b.echo, "sleep": b.sleep, "progress": b.progress, "late": b.late, "block": b.block,
		"stuck": b.stuck, "roots": b.roots, "client": b.client, "log": b.logs, "change": b.change, "fill": b.fill,
		"panic": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) { panic("secret") },
		"goexit": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			runtime.Goexit()
			return nil, nil
		},
		"nan":  structured(math.NaN()),
		"bomb": structured(bomb{}),
	} {
		b.AddTool(mcp.Tool{Name: name, InputSchema: mcp.ToolInputSchema{Type: "object"}}, handler)
	}
	return b
}

type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { panic("secret") }

func structured(v any) mcpserver.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{StructuredContent: v}, nil
	}
}

func (b *bench) echo(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(r.GetString("text", "")), nil
}

func (b *bench) fill(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(strings.Repeat("x", r.GetInt("n", 0))), nil
}

func (b *bench) sleep(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	b.started <- "sleep"
	select {
	case <-time.After(time.Duration(r.GetInt("ms", 0)) * time.Millisecond):
		return mcp.NewToolResultText("slept"), nil
	case <-ctx.Done():
		return mcp.NewToolResultText("woken"), nil
	}
}

func (b *bench) report(ctx context.Context, step int) error {
	return b.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": step})
}

func (b *bench) progress(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for step := range r.GetInt("n", 1) {
		if err := b.report(ctx, step); err != nil {
			return nil, err
		}
	}
	return mcp.NewToolResultText("done"), nil
}

func (b *bench) late(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	ctx = context.WithoutCancel(ctx)
	go func() {
		for b.report(ctx, 1) == nil {
			runtime.Gosched()
		}
		b.stopped <- b.report(ctx, 2)
	}()
	return mcp.NewToolResultText("done"), nil
}

func (b *bench) block(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	b.started <- "block"
	<-ctx.Done()
	b.stopped <- ctx.Err()
	_ = b.report(ctx, 1)
	return mcp.NewToolResultText("cancelled"), nil
}

func (b *bench) stuck(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	b.started <- "stuck"
	<-b.release
	return mcp.NewToolResultText("released"), nil
}

func (b *bench) roots(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if ms := r.GetInt("ms", 0); ms > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	result, err := b.RequestRoots(ctx, mcp.ListRootsRequest{})
	if err != nil {
		return mcp.NewToolResultError(err.Error()), nil
	}
	return mcp.NewToolResultText(result.Roots[0].URI), nil
}

func (b *bench) client(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	session, ok := mcpserver.ClientSessionFromContext(ctx).(mcpserver.SessionWithClientInfo)
	if !ok {
		return nil, errors.New("no client info")
	}
	return mcp.NewToolResultText(fmt.Sprintf("%s %s", session.GetClientInfo().Name, mcpserver.RequestProtocolVersion(ctx))), nil
}

func (b *bench) logs(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for _, level := range []mcp.LoggingLevel{mcp.LoggingLevelInfo, mcp.LoggingLevelError} {
		if err := b.SendLogMessageToClient(ctx, mcp.NewLoggingMessageNotification(level, "bench", "words")); err != nil {
			return nil, err
		}
	}
	return mcp.NewToolResultText("logged"), nil
}

// change announces a change of the tools, to this client and to all.
func (b *bench) change(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	_ = b.SendNotificationToClient(ctx, mcp.MethodNotificationToolsListChanged, nil)
	b.SendNotificationToAllClients(mcp.MethodNotificationToolsListChanged, nil)
	return mcp.NewToolResultText("changed"), nil
}
