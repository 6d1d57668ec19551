package stdio

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
)

// byTool has the tools of the bench come in kinds.
func byTool(_ string, params json.RawMessage) string {
	var call struct{ Name string }
	_ = json.Unmarshal(params, &call)
	return call.Name
}

// Those of one kind wait for one another, and for nothing else does anything wait:
// a ping, a call of another kind and the cancellation of one that waits.
func TestAFewOfAKindRunAtATime(t *testing.T) {
	const calls = 3 * mostOfKind
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{Kind: byTool})
		for i := range calls {
			p.send(call(i, "stuck", `{}`))
		}
		synctest.Wait()
		require.Len(t, b.started, mostOfKind)
		p.send(cancelOf(fmt.Sprint(calls-1)), ping)
		require.Equal(t, pong, p.next())
		p.send(call("other", "echo", `{"text":"of another kind"}`))
		require.Contains(t, p.next(), "of another kind")
		close(b.release)
		for i, answer := range p.nextN(calls - 1) {
			require.Contains(t, answer, "released", i)
		}
		require.NoError(t, p.hangUp())
		require.Len(t, b.started, calls-1, "what was cancelled while it waited never began")
	})
}

func TestLargeMessagesAreHandledOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{RawArguments: true})
		for i := range 5 {
			p.send(call(i, "stuck", fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", large))))
		}
		synctest.Wait()
		require.Len(t, b.started, 1)
		p.send(call("small", "stuck", `{}`))
		synctest.Wait()
		require.Len(t, b.started, 2)
		close(b.release)
		p.nextN(6)
		require.NoError(t, p.hangUp())
	})
}

// Reading stops at a bound, and goes on when something is done.
func TestReadingStopsWhileTooMuchIsTakenIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, size = 8, 4 << 20
		b := newBench()
		p := greeted(t, b.MCPServer, Options{RawArguments: true})
		var sent atomic.Int32
		go func() {
			for i := range calls {
				p.send(call(i, "stuck", fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", size))))
				sent.Add(1)
			}
		}()
		synctest.Wait()
		require.LessOrEqual(t, int(sent.Load()), mostTaken/size+1)
		close(b.release)
		p.nextN(calls)
		require.NoError(t, p.hangUp())
	})
}

// While the client does not read, no more is begun than may wait for it; pings and
// cancellations are taken all the same. When it reads again nothing is missing.
func TestNothingBeginsWhileTooMuchIsUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, cancelled, size = 60, 20, 1 << 20
		b := newBench()
		p := greeted(t, b.MCPServer, Options{Kind: byTool})
		for i := range calls {
			p.send(call(i, "fill", fmt.Sprintf(`{"n":%d}`, size)))
		}
		synctest.Wait()
		p.send(call("stuck", "stuck", `{}`))
		for i := calls - cancelled; i < calls; i++ {
			p.send(cancelOf(fmt.Sprint(i)))
		}
		p.send(cancelOf(`"stuck"`), ping)
		synctest.Wait()
		require.Empty(t, b.started, "it came when too much was unread")
		got := map[string]bool{}
		for range calls - cancelled + 1 {
			id, _, _ := strings.Cut(p.next(), `,"result"`)
			got[id] = true
		}
		require.Len(t, got, calls-cancelled+1)
		require.True(t, got[strings.TrimSuffix(pong, `,"result":{}}`)])
		require.NoError(t, p.hangUp())
		require.Empty(t, b.started)
	})
}

// The bound itself, with a client that takes nothing at all.
func TestQueueBounds(t *testing.T) {
	var unread atomic.Int64
	var begun []func()
	q := newQueue(func(run func()) { begun = append(begun, run) }, func() int { return int(unread.Load()) })
	for range 3 * mostOfKind {
		q.add("kind", 100, func() { unread.Add(mostUnread / 10) })
	}
	for len(begun) > 0 {
		run := begun[0]
		begun = begun[1:]
		run()
	}
	require.Less(t, unread.Load(), int64(mostUnread+mostOfKind*mostUnread/10), "what had begun may still answer")
	require.Len(t, q.lanes[0].waiting, 3*mostOfKind-int(unread.Load()/(mostUnread/10)))
	unread.Store(0)
	q.read()
	require.NotEmpty(t, begun)
}

func TestBacklogEndsSoon(t *testing.T) {
	for name, end := range map[string]func(p *peer){
		"end of input": func(p *peer) { p.endInput() },
		"signal":       func(p *peer) { p.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := greeted(t, newBench().MCPServer, Options{Kind: byTool})
				for i := range 500 {
					p.send(call(i, "fill", `{"n":100000}`))
				}
				synctest.Wait()
				start := time.Now()
				end(p)
				require.Error(t, <-p.served, "nobody reads")
				require.LessOrEqual(t, time.Since(start), 2*settle)
				_ = p.in.Close()
				_ = p.outEnd.Close()
			})
		})
	}
}

// A backlog at the end of input is answered, each request once, whoever reads.
func TestBacklogIsAnsweredAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{Kind: byTool})
		for i := range 100 {
			p.send(call(i, "sleep", `{"ms":1000}`))
		}
		synctest.Wait()
		p.endInput()
		answers := p.rest()
		require.Len(t, answers, 100)
		all := strings.Join(answers, "\n")
		require.Equal(t, 100, strings.Count(all, "slept")+strings.Count(all, "woken")+strings.Count(all, "nothing was done"))
		require.NotZero(t, strings.Count(all, "nothing was done"))
		require.NoError(t, <-p.served)
	})
}

// Arguments that the engine cannot even read reach the handler as they were written.
func TestRawArguments(t *testing.T) {
	b := newBench()
	b.AddTool(mcp.NewTool("raw"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(string(Arguments(ctx))), nil
	})
	p := greeted(t, b.MCPServer, Options{RawArguments: true})
	for _, arguments := range []string{`{"n":1e400, "n":2}`, `[1]`, `"text"`, `null`, `7`} {
		p.send(call(1, "raw", arguments))
		quoted, err := json.Marshal(arguments)
		require.NoError(t, err)
		require.Contains(t, p.next(), string(quoted))
	}
	p.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"raw"}}`)
	require.Contains(t, p.next(), `"text":""`)
	require.NoError(t, p.hangUp())
}
