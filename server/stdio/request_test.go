package stdio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

func TestLongCallDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{})
		start := time.Now()
		p.send(call(1, "sleep", `{"ms":600000}`))
		<-b.started
		p.send(ping, call(2, "echo", `{}`))
		answers := strings.Join(p.nextN(2), "\n")
		require.Contains(t, answers, pong)
		require.Contains(t, answers, `"id":2`)
		require.Zero(t, time.Since(start))
		require.Contains(t, p.next(), "slept")
		require.Equal(t, 10*time.Minute, time.Since(start))
		require.NoError(t, p.hangUp())
	})
}

func TestThousandCallsAtOnce(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	start := time.Now()
	go func() {
		for i := range 1000 {
			p.send(call(i, "sleep", `{"ms":100}`))
		}
	}()
	p.nextN(1000)
	took := time.Since(start)
	t.Logf("1,000 concurrent calls of 100 ms: %v", took)
	require.Less(t, took, 2*time.Second)
	require.NoError(t, p.hangUp())
}

func TestInitializeIsNotOvertaken(t *testing.T) {
	for range 200 {
		p := serve(t, newBench().MCPServer, Options{})
		p.send(hello, call(1, "echo", `{}`), ping)
		require.Contains(t, p.next(), `"id":"hello","result"`)
		require.NotContains(t, strings.Join(p.nextN(2), ""), "error")
		require.NoError(t, p.hangUp())
	}
}

func TestIDInFlightIsRefused(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(7, "stuck", `{}`))
	<-b.started
	p.send(call(7, "echo", `{}`))
	require.Equal(t, `{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"id is already in use by a request in flight"}}`, p.next())

	p.send(call("7", "echo", `{"text":"a string is another id"}`), strings.Replace(call(7, "echo", `{"text":"so is 7.0"}`), `"id":7`, `"id":7.0`, 1))
	require.Contains(t, strings.Join(p.nextN(2), ""), "another id")

	close(b.release)
	require.Contains(t, p.next(), "released")
	p.send(call(7, "echo", `{"text":"free again"}`))
	require.Contains(t, p.next(), "free again")
	require.NoError(t, p.hangUp())
}

func TestProgressComesBeforeTheAnswer(t *testing.T) {
	const steps = 5000
	p := greeted(t, newBench().MCPServer, Options{})
	p.send(call(1, "progress", fmt.Sprintf(`{"n":%d}`, steps)))
	for step := range steps {
		require.Equal(t, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":%d,"progressToken":1}}`, step), p.next())
	}
	require.Contains(t, p.next(), `"id":1,"result"`)
	require.NoError(t, p.hangUp())
}

// A token that no float64 holds is the client's business.
func TestProgressTokenOfAnySize(t *testing.T) {
	p := greeted(t, newBench().MCPServer, Options{})
	for _, token := range []string{"1e999", "-1e400", "1e-999", `"1e999"`, "900719925474099312345"} {
		p.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"progress","arguments":{"n":1},"_meta":{"a":{"b":1},"progressToken":` + token + `}}}`)
		require.Contains(t, p.next(), `"progressToken":`+token)
		require.Contains(t, p.next(), `"id":1,"result"`)
	}
	require.NoError(t, p.hangUp())
}

func TestProgressIsNotHeldBack(t *testing.T) {
	b := newBench()
	b.AddTool(mcp.NewTool("once"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		err := b.report(ctx, 1)
		<-b.release
		return mcp.NewToolResultText("done"), err
	})
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(1, "once", `{}`))
	require.Contains(t, p.next(), "notifications/progress")
	close(b.release)
	require.Contains(t, p.next(), "done")
	require.NoError(t, p.hangUp())
}

func TestProgressOfManyGoroutinesIsNotLost(t *testing.T) {
	const senders, each = 50, 40
	b := newBench()
	b.AddTool(mcp.NewTool("crowd"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var crowd sync.WaitGroup
		for range senders {
			crowd.Go(func() {
				for step := range each {
					if err := b.report(ctx, step); err != nil {
						t.Error(err)
					}
				}
			})
		}
		crowd.Wait()
		return mcp.NewToolResultText("done"), nil
	})
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(1, "crowd", `{}`))
	for range senders * each {
		require.Contains(t, p.next(), "notifications/progress")
	}
	require.Contains(t, p.next(), "done")
	require.NoError(t, p.hangUp())
}

func TestLateProgressIsDropped(t *testing.T) {
	b := newBench()
	for i := range 50 {
		p := greeted(t, b.MCPServer, Options{})
		p.send(call(i, "late", `{}`))
		for !strings.Contains(p.next(), "done") {
		}
		require.ErrorIs(t, <-b.stopped, mcpserver.ErrNotificationChannelBlocked)
		require.NoError(t, p.hangUp())
	}
}

func TestPanicIsLoggedNotTold(t *testing.T) {
	p := greeted(t, newBench().MCPServer, Options{})
	p.send(call(1, "panic", `{}`))
	require.NotContains(t, p.next(), "secret")
	require.Contains(t, p.log.String(), "panic=secret")
	require.Contains(t, p.log.String(), "harness_test.go")
	require.NoError(t, p.hangUp())
}

func TestNotificationHandlers(t *testing.T) {
	b := newBench()
	b.AddNotificationHandler("notifications/bad", func(context.Context, mcp.JSONRPCNotification) { panic("secret") })
	b.AddNotificationHandler("notifications/roots/list_changed", func(ctx context.Context, _ mcp.JSONRPCNotification) {
		result, err := b.RequestRoots(ctx, mcp.ListRootsRequest{})
		if err == nil {
			b.started <- result.Roots[0].URI
		}
	})
	p := greeted(t, b.MCPServer, Options{})
	p.send(`{"jsonrpc":"2.0","method":"notifications/bad"}`, `{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`)
	require.Equal(t, `{"jsonrpc":"2.0","id":"wt-1","method":"roots/list"}`, p.next())
	p.send(`{"jsonrpc":"2.0","id":"wt-1","result":{"roots":[{"uri":"file:///here"}]}}`)
	require.Equal(t, "file:///here", <-b.started)
	require.NoError(t, p.hangUp())
}

func TestLegacyClientHearsBroadcasts(t *testing.T) {
	b := newBench()
	p := greeted(t, b.MCPServer, Options{})
	b.SendNotificationToAllClients("notifications/tools/list_changed", nil)
	require.Equal(t, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, p.next())
	require.NoError(t, p.hangUp())
}

func TestSubscriptionHearsWhatItAskedFor(t *testing.T) {
	b := newBench(mcpserver.WithToolCapabilities(true), mcpserver.WithPromptCapabilities(true))
	p := serve(t, b.MCPServer, Options{})
	p.send(`{"jsonrpc":"2.0","id":1.0,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + modern + `}}`)
	require.Equal(t, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1.0},"notifications":{"toolsListChanged":true}}}`, p.next())

	b.SendNotificationToAllClients(mcp.MethodNotificationPromptsListChanged, nil)
	b.SendNotificationToAllClients("notifications/anything", nil)
	b.SendNotificationToAllClients(mcp.MethodNotificationToolsListChanged, nil)
	require.Equal(t, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1.0}}}`, p.next())

	p.endInput()
	ending := p.rest()
	require.Len(t, ending, 1)
	require.Contains(t, ending[0], `"id":1.0,"result"`)
	require.Contains(t, ending[0], `"io.modelcontextprotocol/subscriptionId":1.0`)
	require.NoError(t, <-p.served)
}

func TestAcknowledgementComesFirst(t *testing.T) {
	b := newBench(mcpserver.WithToolCapabilities(true))
	p := serve(t, b.MCPServer, Options{})
	for i := range 100 {
		var noise sync.WaitGroup
		noise.Go(func() {
			for range 50 {
				b.SendNotificationToAllClients(mcp.MethodNotificationToolsListChanged, nil)
				runtime.Gosched()
			}
		})
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},%s}}`, i, modern))
		tag := fmt.Sprintf(`subscriptionId":%d}`, i)
		got := p.next()
		for !strings.Contains(got, tag) {
			got = p.next()
		}
		require.Contains(t, got, "acknowledged")
		p.send(cancelOf(fmt.Sprint(i)))
		noise.Wait()
	}
	p.endInput()
	require.NotContains(t, strings.Join(p.rest(), "\n"), `"result"`)
	require.NoError(t, <-p.served)
}

func TestTwoClientsOfOneServer(t *testing.T) {
	b := newBench()
	one, two := greeted(t, b.MCPServer, Options{}), greeted(t, b.MCPServer, Options{})
	for _, p := range []*peer{one, two} {
		p.send(call(1, "progress", `{"n":5}`))
	}
	for _, p := range []*peer{one, two} {
		require.Contains(t, p.nextN(6)[5], "done")
		require.NoError(t, p.hangUp())
	}
}

func TestEveryResponseShape(t *testing.T) {
	r := &request{message: message{id: json.RawMessage(`"\u00e9"`)}}
	fail := mcp.JSONRPCError{Error: mcp.NewJSONRPCErrorDetails(-1, "no", nil)}
	fine := mcp.JSONRPCResponse{Result: mcp.EmptyResult{}}
	for _, response := range []mcp.JSONRPCMessage{fail, &fail} {
		text, err := encodeReply(r, response)
		require.NoError(t, err)
		require.Equal(t, `{"jsonrpc":"2.0","id":"\u00e9","error":{"code":-1,"message":"no"}}`+"\n", string(text))
	}
	for _, response := range []mcp.JSONRPCMessage{fine, &fine} {
		text, err := encodeReply(r, response)
		require.NoError(t, err)
		require.Equal(t, `{"jsonrpc":"2.0","id":"\u00e9","result":{}}`+"\n", string(text))
	}
	for _, response := range []mcp.JSONRPCMessage{nil, mcp.JSONRPCNotification{}, 5} {
		_, err := encodeReply(r, response)
		require.Error(t, err)
	}
}

func TestLargeMessages(t *testing.T) {
	p := greeted(t, newBench().MCPServer, Options{})
	big := strings.Repeat("x", 2<<20)
	go func() { _, _ = io.WriteString(p.in, call(1, "echo", `{"text":"`+big+`"}`)+"\n") }()
	require.Len(t, p.next(), len(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""}]}}`)+len(big))
	require.NoError(t, p.hangUp())
}

// What a handler gets from the session itself is held to the same rules.
func TestSessionOfAModernRequestAsksNothing(t *testing.T) {
	b := newBench()
	b.AddTool(mcp.NewTool("direct"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		session := mcpserver.ClientSessionFromContext(ctx).(mcpserver.SessionWithRoots)
		_, err := session.ListRoots(ctx, mcp.ListRootsRequest{})
		return mcp.NewToolResultText(err.Error()), nil
	})
	p := greeted(t, b.MCPServer, Options{})
	p.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"direct",` + modern + `}}`)
	require.Contains(t, p.next(), "not supported in protocol version")
	require.NoError(t, p.hangUp())
}

func TestNotificationThatCannotBeEncoded(t *testing.T) {
	b := newBench()
	b.AddTool(mcp.NewTool("odd"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		err := b.SendNotificationToClient(ctx, "notifications/odd", map[string]any{"x": bomb{}})
		return mcp.NewToolResultText("done"), err
	})
	p := greeted(t, b.MCPServer, Options{})
	p.send(call(1, "odd", `{}`))
	require.Contains(t, p.next(), "done")
	require.Contains(t, p.log.String(), "notifications/odd")
	require.NoError(t, p.hangUp())
}

func TestRootsAfterTheEndOfInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.AddTool(mcp.NewTool("later"), func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			time.Sleep(time.Second)
			return b.roots(ctx, r)
		})
		p := greeted(t, b.MCPServer, Options{})
		p.send(call(1, "later", `{}`))
		p.endInput()
		require.Contains(t, p.rest()[0], errHungUp.Error())
		require.NoError(t, <-p.served)
	})
}

// A stream holds back what is sent before its acknowledgement.
func TestStreamHoldsBack(t *testing.T) {
	var out lineCheck
	c := newConn(newBench().MCPServer, &out, Options{}.withDefaults(), func() {})
	r := c.newRequest(message{id: json.RawMessage("1"), method: "subscriptions/listen", modern: true}, func() {})
	early, ack := mcp.JSONRPCNotification{}, mcp.JSONRPCNotification{}
	early.Method, ack.Method = "early", mcp.MethodNotificationSubscriptionsAcknowledged
	r.session.NotificationChannel() <- early
	r.session.NotificationChannel() <- ack
	r.outbox.close()
	require.Len(t, c.out.queue, 2)
	require.Contains(t, string(c.out.queue[0]), "acknowledged")
	require.Contains(t, string(c.out.queue[1]), `"early"`)
}
