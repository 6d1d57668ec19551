package server

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"wt-mcp/server/desk"
	"wt-mcp/tools"
)

var update = flag.Bool("update", false, "rewrite testdata/tools")

// Budgets of what a model must read before it does anything, in bytes.
const (
	defaultBudget      = 10_000
	wholeBudget        = 18_000
	instructionsBudget = 2_000
	lessonBudget       = 400
	descriptionBudget  = 2_048
)

// surface is a tool as clients see it.
type surface struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	Annotations  annotations     `json:"annotations"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
	Meta         json.RawMessage `json:"_meta,omitempty"`
}

type annotations struct {
	ReadOnly    *bool `json:"readOnlyHint"`
	Destructive *bool `json:"destructiveHint"`
	Idempotent  *bool `json:"idempotentHint"`
	OpenWorld   *bool `json:"openWorldHint"`
}

// listed is what tools/list answers for the sets.
func listed(t *testing.T, sets ...tools.Set) []surface {
	t.Helper()
	s, err := New(Config{Version: "test", Desk: desk.New(desk.Config{Sets: sets})})
	require.NoError(t, err)
	answer := s.engine.HandleMessage(t.Context(), json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	response, ok := answer.(mcp.JSONRPCResponse)
	require.True(t, ok, "%+v", answer)
	data, err := json.Marshal(response.Result)
	require.NoError(t, err)
	var list struct{ Tools []surface }
	require.NoError(t, json.Unmarshal(data, &list))
	return list.Tools
}

// TestSurface compares every tool with its golden file. What is in them is read
// by every model in every session: change it on purpose (-update).
func TestSurface(t *testing.T) {
	dir := filepath.Join("testdata", "tools")
	golden := map[string]bool{}
	for _, tool := range listed(t, tools.Sets()...) {
		file := filepath.Join(dir, tool.Name+".json")
		golden[filepath.Base(file)] = true
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		require.NoError(t, enc.Encode(tool))
		if *update {
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err, "run go test ./server -update, and look at the difference")
		require.Equal(t, string(want), got.String(), "%s: run go test ./server -update if this is meant", file)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if !golden[e.Name()] {
			require.True(t, *update, "%s is of no tool; run go test ./server -update", e.Name())
			require.NoError(t, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
}

func TestSurfaceBudgets(t *testing.T) {
	size := func(sets ...tools.Set) (n int) {
		for _, tool := range listed(t, sets...) {
			n += len(tool.Name) + len(tool.Description) + len(tool.InputSchema)
			require.LessOrEqual(t, len(tool.Description), descriptionBudget, tool.Name)
		}
		return n
	}
	defaults, whole := size(tools.Default), size(tools.Sets()...)
	t.Logf("default tools: %d bytes, all tools: %d bytes, instructions: %d bytes", defaults, whole, len(instructions))
	require.LessOrEqual(t, defaults, defaultBudget)
	require.LessOrEqual(t, whole, wholeBudget)
	require.LessOrEqual(t, len(instructions)+longestRoot+len(`Repository: ""`)+2, instructionsBudget)
}

func TestEveryToolSaysWhatItIs(t *testing.T) {
	name := regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	for _, tool := range listed(t, tools.Sets()...) {
		require.Regexp(t, name, tool.Name)
		require.NotEmpty(t, tool.Title, tool.Name)
		require.NotEmpty(t, tool.Description, tool.Name)
		a := tool.Annotations
		for _, hint := range []*bool{a.ReadOnly, a.Destructive, a.Idempotent, a.OpenWorld} {
			require.NotNil(t, hint, "%s: the protocol's defaults are the alarming ones; give all four", tool.Name)
		}
		require.False(t, *a.ReadOnly && *a.Destructive, "%s reads only, and destroys", tool.Name)
		require.False(t, *a.ReadOnly && !*a.Idempotent, "%s reads only, and is not idempotent", tool.Name)
	}
}

func TestSchemas(t *testing.T) {
	for _, tool := range listed(t, tools.Sets()...) {
		t.Run(tool.Name, func(t *testing.T) {
			var input map[string]any
			require.NoError(t, json.Unmarshal(tool.InputSchema, &input))
			require.Equal(t, "object", input["type"])
			require.Equal(t, false, input["additionalProperties"])
			for _, keyword := range []string{"anyOf", "oneOf", "allOf", "$ref", "$defs"} {
				require.NotContains(t, input, keyword, "clients flatten or refuse it")
			}
			checkProperties(t, input)
			require.NotContains(t, string(tool.InputSchema), `"null"`, "an argument that is not given is left out")

			var output map[string]any
			require.NoError(t, json.Unmarshal(tool.OutputSchema, &output))
			require.Equal(t, "object", output["type"])
			require.NotContains(t, output, "additionalProperties", "results may grow")
		})
	}
}

func checkProperties(t *testing.T, schema map[string]any) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		p := p.(map[string]any)
		require.Regexp(t, `^[a-z][a-z_]*$`, name)
		require.IsType(t, "", p["type"], "%s has one type", name)
		if p["type"] == "array" {
			require.Contains(t, p, "items", name)
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		require.Contains(t, properties, name)
	}
}

// The list must not depend on anything, so that prompt caches hold.
func TestListIsStable(t *testing.T) {
	first := listed(t, tools.Sets()...)
	for range 5 {
		require.Equal(t, first, listed(t, tools.Sets()...))
	}
	reversed := slices.Clone(tools.Sets())
	slices.Reverse(reversed)
	require.Equal(t, first, listed(t, reversed...))
	require.True(t, slices.IsSortedFunc(first, func(a, b surface) int { return strings.Compare(a.Name, b.Name) }))
}

func TestReadOnlyOffersNothingThatChanges(t *testing.T) {
	d := desk.New(desk.Config{Sets: tools.Sets(), ReadOnly: true})
	require.True(t, d.Offers("task_list"))
	for _, tool := range tools.All() {
		require.Equal(t, tool.ReadOnly, d.Offers(tool.Name), tool.Name)
	}
}
