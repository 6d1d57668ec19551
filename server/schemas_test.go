package server

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/tools"
)

// The embedded schemas are what the structs say now; go generate ./server renews them.
func TestSchemasAreCurrent(t *testing.T) {
	all := map[string]schemas{}
	for _, tool := range tools.All() {
		made, err := derive(tool)
		require.NoError(t, err)
		all[tool.Name] = made
	}
	want, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("schemas.json", append(want, '\n'), 0o644))
	}
	got, err := os.ReadFile("schemas.json")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got), "run go generate ./server")
}
