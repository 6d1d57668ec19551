package server

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"wt-mcp/server/desk"
	"wt-mcp/tools"
)

// A call that panics is answered like any other that fails, the log has its stack, and
// the next call is answered.
func TestPanicIsAnswered(t *testing.T) {
	var log bytes.Buffer
	d := desk.New(desk.Config{Sets: tools.Sets(), Log: slog.New(slog.DiscardHandler), Places: func([]string) []desk.Place { return []desk.Place{{Dir: "x"}} },
		Find: func(context.Context, desk.Place) (desk.Repository, error) { panic("secret") }})
	s, err := New(Config{Version: "test", Desk: d, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	for range 2 {
		answer := s.engine.HandleMessage(t.Context(), json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"task_list","arguments":{}}}`))
		data, err := json.Marshal(answer.(mcp.JSONRPCResponse).Result)
		require.NoError(t, err)
		require.Contains(t, string(data), "error[internal]: task_list failed")
		require.NotContains(t, string(data), "secret")
	}
	require.Contains(t, log.String(), "secret")
	require.Contains(t, log.String(), "panic_test.go")
}
