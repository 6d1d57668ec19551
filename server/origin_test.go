package server

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
)

// Who calls is taken from what the client says of the call, else from what it said when
// it started the server; what has another form is not taken.
func TestOrigin(t *testing.T) {
	const claude, codex = "3f4f3a52-9d7c-4a3e-8c11-0123456789ab", "0199a213-81c0-7800-8aa1-bbab2a035a53"
	for name, c := range map[string]struct {
		client, started, meta string
		want                  origin
		actor                 string
	}{
		"nothing known":         {"x", "", `{}`, origin{}, "x"},
		"Claude Code":           {"claude-code", claude, `{"claudecode/toolUseId":"toolu_1"}`, origin{session: claude}, "claude-code/456789ab"},
		"inherited from Claude": {"opencode", claude, `{}`, origin{}, "opencode"},
		"Codex": {"codex-mcp-client", claude, `{"x-codex-turn-metadata":{"session_id":"s-1","thread_id":"` + codex + `","turn_id":"1"},"threadId":"other"}`,
			origin{"s-1", codex}, "codex-mcp-client/2a035a53"},
		"in the call itself": {"x", "", `{"sessionId":"s-1","threadId":"t-1"}`, origin{"s-1", "t-1"}, "x/t-1"},
		"other shapes":       {"x", "", `{"x-codex-turn-metadata":["session_id"],"sessionId":{"a":1},"threadId":7}`, origin{}, "x"},
		"other characters":   {"claude-code", "a\nb", `{"x-codex-turn-metadata":{"session_id":"a b"},"threadId":"\u202e1"}`, origin{}, "claude-code"},
		"too long":           {"x", "", `{"threadId":"` + strings.Repeat("a", 101) + `"}`, origin{}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			var meta mcp.Meta
			require.NoError(t, json.Unmarshal([]byte(c.meta), &meta))
			got := originOf(c.client, c.started, &meta)
			require.Equal(t, c.want, got)
			require.Equal(t, c.actor, got.actor(c.client))
		})
	}
	require.Equal(t, origin{}, originOf("x", "", nil))
}

// Whatever a client sends, what is taken of it is short and plain.
func FuzzOrigin(f *testing.F) {
	f.Add("claude-code", "3f4f", `{"x-codex-turn-metadata":{"session_id":"a","thread_id":"b"},"threadId":"c","sessionId":"d"}`)
	f.Add("claude-code", "a/b\x1b[31m", `{"threadId":"\u202e","sessionId":null}`)
	f.Fuzz(func(t *testing.T, client, started, raw string) {
		var meta mcp.Meta
		if json.Unmarshal([]byte(raw), &meta) != nil {
			return
		}
		o := originOf(client, started, &meta)
		for _, id := range []string{o.session, o.thread} {
			require.LessOrEqual(t, len(id), 100)
			require.Empty(t, strings.Trim(strings.ToLower(id), "abcdefghijklmnopqrstuvwxyz0123456789._:-"))
		}
		require.LessOrEqual(t, len(o.actor("")), 9)
	})
}
