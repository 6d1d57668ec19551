package stdio

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// answers serves a whole input and returns the output's lines.
func answers(t *testing.T, input string, opt Options) []string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Serve(t.Context(), newBench().MCPServer, strings.NewReader(input), &out, opt))
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestFraming(t *testing.T) {
	for name, input := range map[string]string{
		"plain":          ping + "\n",
		"no newline":     ping,
		"CRLF":           ping + "\r\n",
		"blank lines":    "\n \t\n\r\n" + ping + "\n\n\r\n",
		"byte order":     "\xef\xbb\xbf" + ping + "\n",
		"mark and blank": "\xef\xbb\xbf\n" + ping,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []string{pong}, answers(t, input, Options{}))
		})
	}
	for _, input := range []string{"", "\n", "\xef\xbb\xbf", " "} {
		require.Equal(t, []string{""}, answers(t, input, Options{}))
	}
}

func TestByteByByte(t *testing.T) {
	input := "\xef\xbb\xbf" + ping + "\r\n\n" + strings.Repeat("x", 300) + "\n" + strings.Replace(ping, `"id":"ping"`, `"id":2`, 1)
	var out bytes.Buffer
	require.NoError(t, Serve(t.Context(), newBench().MCPServer, iotest.OneByteReader(strings.NewReader(input)), &out, Options{MaxMessage: 200}))
	require.Equal(t, 2, strings.Count(out.String(), `"result":{}`))
	require.Contains(t, out.String(), "message of 300 bytes is over the limit of 200 bytes")
}

func TestNotUTF8(t *testing.T) {
	const bad = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is not valid UTF-8"}}`
	for _, input := range []string{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "\xef\xbb", "\xef\xbb{}"} {
		require.Equal(t, []string{bad}, answers(t, input, Options{}))
	}
}

func TestDeepNesting(t *testing.T) {
	for _, depth := range []int{9_000, 20_000, 5_000_000} {
		nested := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		got := answers(t, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":`+nested+"}}\n"+ping, Options{})
		require.Len(t, got, 2)
		require.Contains(t, got, pong)
	}
}

func TestSizeLimit(t *testing.T) {
	const limit = 100_000
	exact := fmt.Sprintf(`{"jsonrpc":"2.0","id":"ping","method":"ping","params":{"x":%q}}`, strings.Repeat("x", limit-63))
	require.Len(t, exact, limit)
	require.Equal(t, []string{pong}, answers(t, exact, Options{MaxMessage: limit}))

	longer := strings.Replace(exact, "xx", "xxx", 1)
	refused := `{"jsonrpc":"2.0","id":"ping","error":{"code":-32600,"message":"message of 100001 bytes is over the limit of 100000 bytes"}}`
	require.Equal(t, []string{refused}, answers(t, longer, Options{MaxMessage: limit}))
	require.ElementsMatch(t, []string{refused, pong}, answers(t, longer+"\n"+ping, Options{MaxMessage: limit}))
}

func TestOversizeID(t *testing.T) {
	fill := `"params":{"id":5,"arguments":{"text":"` + strings.Repeat(`x\"id\":6,`, 2000) + `"}}`
	for text, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1.0,"method":"tools/call",` + fill + `}`:      `1.0`,
		`{"method":"tools/call",` + fill + `,"jsonrpc":"2.0","id":7}`:        `7`,
		`{"method":"tools/call",` + fill + `,"jsonrpc":"2.0","id" : "a,b" }`: `"a,b"`,
		`{"method":"tools/call",` + fill + `,"id":8,"jsonrpc":"2.0"}`:        `null`,
		`{"method":"tools/call","id":[1],` + fill + `}`:                      `null`,
		strings.Repeat("x", 20_000):                                          `null`,
		strings.Repeat("x", 20_000) + `,"id":]}`:                             `null`,
		"\xef\xbb\xbf" + strings.Repeat("x", 20_000):                         `null`,
	} {
		got := answers(t, text+"\r\n", Options{MaxMessage: 8192})
		require.Len(t, got, 1)
		require.True(t, strings.HasPrefix(got[0], `{"jsonrpc":"2.0","id":`+want+`,"error":{"code":-32600,"message":"message of `), got[0])
	}
	require.Equal(t, []string{""}, answers(t, `{"jsonrpc":"2.0","id":"wt-1","result":{"x":"`+strings.Repeat("x", 20_000)+`"}}`, Options{MaxMessage: 8192}))
}

// endless is a line that does not end for a while.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	e.left -= len(p)
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestOversizeLineIsNotKept(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines := newLineReader(&endless{left: 256 << 20}, 1<<20)
	l, err := lines.next()
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.True(t, l.over)
	require.Equal(t, 256<<20, l.size)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}
