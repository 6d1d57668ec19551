package server

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/tools"
)

func TestShortStructure(t *testing.T) {
	answer := tools.Answer{Value: json.RawMessage(`{"tasks":[],"task":{"id":1,"created_at":1795590861.6,"owner":"","notes":[{"at":1795590861,"text":"n"}],` +
		`"closeout":{"at":1}},"lease_expires_at":1795590861.6,"clean":false,"exit_code":0,"labels":null,"lines":["",{"a":false}],"wait_at":5}`),
		Next: []tools.Step{{Why: "go on"}}}
	data, err := json.Marshal(short{answer: answer, quiet: []string{"task.closeout"}})
	require.NoError(t, err)
	require.Equal(t, `{"tasks":[],"task":{"id":1,"notes":[{"at":"2026-11-25 07:14:21Z","text":"n"}]},"lease_expires_at":"2026-11-25 07:14:21Z",`+
		`"exit_code":0,"lines":["",{}],"wait_at":5,"next":["go on"]}`, string(data))
}

// Whatever JSON an answer is, its short form is JSON, and is as short as it gets.
func FuzzShortStructure(f *testing.F) {
	f.Add([]byte(`{"tasks":[],"at":1795590861.6,"a":{"b":["",null,{"ts":1e9}],"b":1}}`))
	f.Add([]byte(`{"a":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		hidden := map[string]bool{"a.b": true}
		out := shortened(data, "", hidden)
		if json.Valid(data) {
			require.True(t, json.Valid(out), "%s became %s", data, out)
		}
	})
}

func TestHabits(t *testing.T) {
	for name, want := range map[string]habit{
		"claude-code":                   {form: Structured},
		"codex-mcp-client":              {form: Structured},
		"opencode":                      {form: Text},
		"gemini-cli-mcp-client":         {form: Text},
		"qwen-cli-mcp-client-wt":        {form: Text, untaught: true},
		"copilot-cli":                   {form: Text, untaught: true},
		"@cline/core":                   {form: Text, untaught: true},
		"":                              {form: Both, untaught: true},
		"my claude-code":                {form: Both, untaught: true},
		"somebody's client-claude-code": {form: Both, untaught: true},
	} {
		got := habitOf(name)
		got.name = ""
		require.Equal(t, want, got, name)
	}
	for _, form := range Forms() {
		var f Form
		require.NoError(t, f.Set(string(form)))
		require.Equal(t, string(form), f.String())
	}
	var f Form
	require.Error(t, f.Set("json"))
	require.LessOrEqual(t, len(lesson), lessonBudget)
}
