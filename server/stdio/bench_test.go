package stdio

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	mcpserver "github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

type loop func(context.Context, *mcpserver.MCPServer, io.Reader, io.Writer) error

// loops are this package and mcp-go's stock loop, which is measured next to it,
// both over operating system pipes.
func loops() map[string]loop {
	return map[string]loop{
		"stdio": func(ctx context.Context, srv *mcpserver.MCPServer, in io.Reader, out io.Writer) error {
			return Serve(ctx, srv, in, out, Options{Log: slog.New(slog.DiscardHandler)})
		},
		"mcp-go": func(ctx context.Context, srv *mcpserver.MCPServer, in io.Reader, out io.Writer) error {
			return mcpserver.NewStdioServer(srv).Listen(ctx, in, out)
		},
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, era := range []string{"legacy", "modern"} {
		for _, inFlight := range []int{1, 64} {
			for _, name := range []string{"stdio", "mcp-go"} {
				b.Run(fmt.Sprintf("%s/%d/%s", era, inFlight, name), func(b *testing.B) {
					echo(b, loops()[name], era == "modern", inFlight)
				})
			}
		}
	}
}

func echo(b *testing.B, serve loop, isModern bool, inFlight int) {
	inRead, inWrite, err := os.Pipe()
	require.NoError(b, err)
	outRead, outWrite, err := os.Pipe()
	require.NoError(b, err)
	served := make(chan error, 1)
	go func() { served <- serve(b.Context(), newBench().MCPServer, inRead, outWrite) }()

	out := bufio.NewReaderSize(outRead, 1<<20)
	if !isModern {
		_, _ = io.WriteString(inWrite, hello+"\n")
		_, err = out.ReadSlice('\n')
		require.NoError(b, err)
	}
	lines := make([]string, inFlight)
	for id := range lines {
		lines[id] = call(id, "echo", `{"text":"hello"}`) + "\n"
		if isModern {
			lines[id] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},%s}}`+"\n", id, modern)
		}
	}
	took := exchange(b, inWrite, out, lines)
	report(b, took)

	_ = inWrite.Close()
	require.NoError(b, <-served)
	for _, f := range []io.Closer{inRead, outRead, outWrite} {
		_ = f.Close()
	}
}

// exchange keeps one call per line in flight and returns how long each took.
func exchange(b *testing.B, in io.Writer, out *bufio.Reader, lines []string) []time.Duration {
	began := make([]time.Time, len(lines))
	took := make([]time.Duration, 0, b.N)
	free := make(chan int, len(lines))
	for id := range lines {
		free <- id
	}
	b.ResetTimer()
	go func() {
		for range b.N {
			id := <-free
			began[id] = time.Now()
			_, _ = io.WriteString(in, lines[id])
		}
	}()
	for range b.N {
		text, err := out.ReadSlice('\n')
		require.NoError(b, err)
		_, text, _ = bytes.Cut(text, []byte(`"id":`))
		number, _, _ := bytes.Cut(text, []byte(","))
		id, err := strconv.Atoi(string(number))
		require.NoError(b, err)
		took = append(took, time.Since(began[id]))
		free <- id
	}
	b.StopTimer()
	return took
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
}
