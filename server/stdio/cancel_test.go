package stdio

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCancelStopsTheWorkWithoutAnswer(t *testing.T) {
	for _, id := range []string{`777`, `"777"`, `9007199254740993`, `1.0`, `"\u00e9"`} {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{})
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"block","_meta":{"progressToken":1}}}`, id))
		<-b.started
		p.send(cancelOf(id))
		require.ErrorIs(t, <-b.stopped, context.Canceled)
		p.send(ping)
		require.Equal(t, pong, p.next())
		require.NoError(t, p.hangUp())
	}
}

func TestCancelIsExact(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(777, "stuck", `{}`))
	<-b.started
	for _, other := range []string{`"777"`, `777.0`, `7`, `null`, `{}`, `[777]`} {
		p.send(cancelOf(other))
	}
	p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled"}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}`)
	close(b.release)
	require.Contains(t, p.next(), "released")
	require.NoError(t, p.hangUp())
}

// The cancellation is in the same write as the request: its goroutine may not
// have begun.
func TestCancelInTheSameWrite(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	for i := range 300 {
		p.send(call(i, "block", `{}`), cancelOf(fmt.Sprint(i)))
	}
	require.NoError(t, p.hangUp(), "no answer, and nothing left that runs")
}

func TestCancelledIDIsFreeAtOnce(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(1, "stuck", `{}`))
	<-b.started
	p.send(cancelOf("1"), call(1, "echo", `{"text":"second"}`))
	require.Contains(t, p.next(), "second")
	p.send(call(1, "sleep", `{"ms":1}`))
	close(b.release)
	require.Contains(t, p.next(), "slept", "the end of the first must not free the id of the third")
	require.NoError(t, p.hangUp())
}

func TestInitializeCannotBeCancelled(t *testing.T) {
	p := serve(t, newBench().MCPServer, Options{})
	p.send(hello, cancelOf(`"hello"`))
	require.Contains(t, p.next(), `"id":"hello","result"`)
	require.NoError(t, p.hangUp())
}

func TestCancelEndsOurOwnCallsToo(t *testing.T) {
	p := greeted(t, newBench().MCPServer, Options{})
	p.send(call(1, "roots", `{}`))
	require.Contains(t, p.next(), `"id":"wt-1"`)
	p.send(cancelOf("1"))
	require.Equal(t, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"wt-1"}}`, p.next())
	require.NoError(t, p.hangUp())
}
