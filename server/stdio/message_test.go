package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	mcpserver "github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

func seeds(f *testing.F) {
	for _, text := range []string{
		hello, ping, call(1, "echo", `{"text":"x"}`), cancelOf("1"),
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},` + modern + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + modern + `}}`,
		`{"jsonrpc":"2.0","id":"wt-1","result":{}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":1}}`,
		`{"jsonrpc":"2.0","\u0069d":-1.5e3,"method":"\u0070ing", "params" : null , "x":[{"}":"]\\\""}]}`,
		`[]`, `[{}]`, `{`, `nul`, `"x"`, `1`, ``, "\xff", "\xef\xbb\xbf{}", `{"id":{"id":1},"id":"2"}`, `{"a":1,"id":3}`,
	} {
		f.Add([]byte(text))
	}
}

// FuzzLine: whatever a line is, it gets at most one answer, that is JSON, and
// nothing breaks.
func FuzzLine(f *testing.F) {
	seeds(f)
	srv := mcpserver.NewMCPServer("fuzz", "1")
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte(" "))
		for _, limit := range []int{0, len(text) / 2} {
			var out bytes.Buffer
			require.NoError(t, Serve(context.Background(), srv, bytes.NewReader(text), &out, Options{MaxMessage: limit}))
			answers := 0
			for line := range bytes.Lines(out.Bytes()) {
				require.True(t, json.Valid(line), "%q", line)
				if msg := split(line); msg.rawMethod == nil {
					answers++
				}
			}
			require.LessOrEqual(t, answers, 1, "%s", out.Bytes())
		}
	})
}

// FuzzMembers: members sees what encoding/json sees, and never more than that of
// the same object cut off.
func FuzzMembers(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		got := collect(text)
		var want map[string]json.RawMessage
		if !utf8.Valid(text) || json.Unmarshal(text, &want) != nil {
			return // that it came back at all is enough
		}
		for cut := range min(len(text), 300) {
			for i, m := range collect(text[:cut]) {
				require.Equal(t, got[i].key, m.key)
				if m.value != nil {
					require.Equal(t, got[i].value, m.value)
				}
			}
		}
		last := map[string]json.RawMessage{}
		for _, m := range got {
			last[m.key] = m.value
		}
		require.Len(t, last, len(want))
		for key, value := range want {
			require.Equal(t, string(value), string(last[key]))
		}
	})
}

type keyValue struct {
	key   string
	value json.RawMessage
}

func collect(text []byte) (all []keyValue) {
	for key, value := range members(text) {
		all = append(all, keyValue{key, value})
	}
	return all
}

func TestEngineForm(t *testing.T) {
	m := split([]byte(` { "params" : {"a":1} , "id" : "x", "Id":2, "method":"\u0070ing","jsonrpc":"2.0","extra":[] } `))
	require.Equal(t, `{"jsonrpc":"2.0","id":42,"method":"\u0070ing","params":{"a":1}}`, string(m.engineForm(42)))
	require.Equal(t, "ping", m.method)
	m = split([]byte(`{"method":"m","jsonrpc":"2.0"}`))
	require.Equal(t, `{"jsonrpc":"2.0","method":"m"}`, string(m.engineForm(0)))
}

func TestModern(t *testing.T) {
	for params, want := range map[string]bool{
		`{` + modern + `}`: true,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}`:         true,
		`{"_meta":{"io.modelcontextprotocol\/protocolVersion":"2027-01-01"}}`:        true,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}`:         false,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":20260728}}`:             false,
		`{"_meta":["io.modelcontextprotocol/protocolVersion","2026-07-28"]}`:         false,
		`{"arguments":{` + modern + `}}`:                                             false,
		`{"arguments":"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""}`: false,
		`null`: false,
	} {
		m := split([]byte(`{"jsonrpc":"2.0","id":1,"method":"x","params":` + params + `}`))
		require.Equal(t, want, m.modern, params)
	}
}

func TestLastBytes(t *testing.T) {
	var kept, all []byte
	for i := range 50 {
		chunk := slices.Repeat([]byte{byte(i)}, i*97%(2*edge))
		all = append(all, chunk...)
		kept = lastBytes(kept, chunk)
		require.Equal(t, all[max(0, len(all)-edge):], kept[:len(kept):len(kept)])
	}
}
