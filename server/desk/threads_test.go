package desk

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// A client that makes up threads without end costs no memory without end, and none of
// its threads loses what it holds.
func TestThreadsAreForgotten(t *testing.T) {
	c := New(Config{Log: slog.New(slog.DiscardHandler)}).Client(Nowhere)
	token, err := state.ParseToken("7-3-abcdefghijklmnop")
	require.NoError(t, err)
	holder := threadOf(nil, tools.Caller{Session: "s", Thread: "t"})
	require.False(t, c.holds(holder))
	c.held(holder).Remember(token)
	for i := range 5 * maxThreads {
		require.Equal(t, state.Token{}, c.held(threadOf(nil, tools.Caller{Session: "s", Thread: fmt.Sprint(i)})).Of(7))
	}
	require.LessOrEqual(t, len(c.claims), maxThreads)
	require.True(t, c.holds(holder))
	require.Equal(t, token, c.held(holder).Of(7))
}
