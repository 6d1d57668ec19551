package stdio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that writes and writes before it reads: nothing blocks, nothing is lost.
func TestClientThatDoesNotRead(t *testing.T) {
	const calls, size = 300, 80 << 10
	p := greeted(t, newBench().MCPServer, Options{})
	for i := range calls {
		p.send(call(i, "fill", fmt.Sprintf(`{"n":%d}`, size)))
	}
	seen := map[string]bool{}
	for range calls {
		id, _, _ := strings.Cut(p.next(), `,"result"`)
		seen[id] = true
	}
	require.Len(t, seen, calls)
	require.NoError(t, p.hangUp())
}

func TestBacklogIsReportedOnce(t *testing.T) {
	var log logBuffer
	w := newWriter(io.Discard, slog.New(slog.NewTextHandler(&log, nil)))
	megabyte := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		w.send(megabyte)
	}
	require.Equal(t, 100<<20, w.pending)
	go w.run()
	require.NoError(t, w.drain(time.Minute))
	require.Zero(t, w.pending)
	require.Equal(t, 1, strings.Count(log.String(), "output is piling up"))
}

func TestClientThatNeverReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := greeted(t, newBench().MCPServer, Options{})
		p.send(ping, ping)
		p.endInput()
		start := time.Now()
		require.ErrorIs(t, <-p.served, errStalled)
		require.Equal(t, settle, time.Since(start))
		_ = p.outEnd.Close()
	})
}

func TestEndOfContextWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := greeted(t, newBench().MCPServer, Options{})
		p.send(ping)
		synctest.Wait()
		start := time.Now()
		p.cancel()
		require.ErrorIs(t, <-p.served, context.Canceled)
		require.Equal(t, settle, time.Since(start))
		_ = p.in.Close()
		_ = p.outEnd.Close()
	})
}

// A client that reads slowly gets everything, however long it takes.
func TestSlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := greeted(t, newBench().MCPServer, Options{})
		for i := range 10 {
			p.send(call(i, "echo", `{}`))
		}
		synctest.Wait()
		p.endInput()
		for range 10 {
			time.Sleep(2 * time.Second)
			p.next()
		}
		require.NoError(t, <-p.served)
	})
}

// lineCheck sees to it that each write is a whole line.
type lineCheck struct{ bad []string }

func (w *lineCheck) Write(p []byte) (int, error) {
	if strings.Count(string(p), "\n") != 1 || p[len(p)-1] != '\n' {
		w.bad = append(w.bad, string(p))
	}
	return len(p), nil
}

func TestOneWriteIsOneLine(t *testing.T) {
	script := hello + "\nnonsense\n"
	for i := range 200 {
		script += call(i, "progress", `{"n":3}`) + "\n" + call(fmt.Sprint("e", i), "echo", `{"text":"a\nb\u2028"}`) + "\n"
	}
	var out lineCheck
	require.NoError(t, Serve(t.Context(), newBench().MCPServer, strings.NewReader(script), io.Writer(&out), Options{}))
	require.Empty(t, out.bad)
}
