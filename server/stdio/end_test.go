package stdio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIdleEndReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := greeted(t, newBench().MCPServer, Options{})
		require.NoError(t, p.hangUp())
		require.Zero(t, time.Since(start))
	})
}

func TestEveryCallBeforeTheEndIsAnswered(t *testing.T) {
	for range 100 {
		script := hello + "\n"
		for i := range 20 {
			script += call(i, "sleep", `{"ms":1}`) + "\n"
		}
		script = strings.TrimSuffix(script, "\n")
		var out bytes.Buffer
		require.NoError(t, Serve(t.Context(), newBench().MCPServer, strings.NewReader(script), &out, Options{}))
		require.Equal(t, 20, strings.Count(out.String(), "slept"))
	}
}

func TestGrace(t *testing.T) {
	for name, tc := range map[string]struct {
		grace, work, took time.Duration
		want              string
	}{
		"long enough": {0, 4 * time.Second, 4 * time.Second, "slept"},
		"too short":   {time.Second, time.Hour, time.Second, "woken"},
		"none":        {-1, time.Hour, 0, "woken"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				p := greeted(t, b.MCPServer, Options{Grace: tc.grace})
				p.send(call(1, "sleep", fmt.Sprintf(`{"ms":%d}`, tc.work.Milliseconds())))
				<-b.started
				start := time.Now()
				p.endInput()
				require.Contains(t, p.rest()[0], tc.want)
				require.NoError(t, <-p.served)
				require.Equal(t, tc.took, time.Since(start))
			})
		})
	}
}

func TestStuckHandlerDoesNotKeepServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{})
		p.send(call(1, "stuck", `{}`))
		<-b.started
		start := time.Now()
		require.NoError(t, p.hangUp())
		require.Equal(t, defaultGrace+settle, time.Since(start))
		require.Contains(t, p.log.String(), "handlers=1")
		close(b.release)
	})
}

func TestEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{})
		p.send(call(1, "block", `{}`), call(2, "sleep", `{"ms":600000}`))
		<-b.started
		<-b.started
		synctest.Wait() // the reader is in Read
		start := time.Now()
		p.cancel()
		answers := strings.Join(p.rest(), "\n")
		require.Contains(t, answers, `"text":"cancelled"`)
		require.Contains(t, answers, `"text":"woken"`)
		require.ErrorIs(t, <-p.served, context.Canceled)
		require.Zero(t, time.Since(start), "the blocked reader must not delay the end")
		require.ErrorIs(t, <-b.stopped, context.Canceled)

		p.send(call(3, "block", `{}`))
		synctest.Wait()
		require.Empty(t, b.started, "the reader that was left behind must do nothing more")
		_ = p.in.Close()
	})
}

func TestEndOfContextDuringGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		p := greeted(t, b.MCPServer, Options{Grace: time.Hour})
		p.send(call(1, "block", `{}`))
		<-b.started
		p.endInput()
		synctest.Wait()
		p.cancel()
		require.Contains(t, strings.Join(p.rest(), ""), "cancelled")
		require.ErrorIs(t, <-p.served, context.Canceled)
	})
}

func TestEndOfInputEndsOurOwnCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := greeted(t, newBench().MCPServer, Options{})
		p.send(call(1, "roots", `{}`))
		require.Contains(t, p.next(), `"id":"wt-1"`)
		start := time.Now()
		p.endInput()
		require.Contains(t, p.rest()[0], errHungUp.Error())
		require.NoError(t, <-p.served)
		require.Zero(t, time.Since(start))
	})
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(ping+"\n"), iotest.ErrReader(broken))
	var out bytes.Buffer
	err := Serve(t.Context(), newBench().MCPServer, in, &out, Options{})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "read message: ")
	require.Equal(t, pong+"\n", out.String())
}

// failingWriter takes so many writes.
type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestWriteErrorCancelsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		in, client := io.Pipe()
		gone := errors.New("gone")
		served := make(chan error, 1)
		go func() {
			served <- Serve(t.Context(), b.MCPServer, in, &failingWriter{left: 1, err: gone}, Options{})
		}()
		start := time.Now()
		_, _ = io.WriteString(client, hello+"\n"+call(1, "block", `{}`)+"\n")
		<-b.started
		_, _ = io.WriteString(client, ping+"\n")
		err := <-served
		require.ErrorIs(t, err, gone)
		require.ErrorContains(t, err, "write message: ")
		require.ErrorIs(t, <-b.stopped, context.Canceled)
		require.Zero(t, time.Since(start))
		_ = client.Close()
	})
}
