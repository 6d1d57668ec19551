package main

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each line of docs/security.md is held by tests that exist.
func TestSecurityNamesItsTests(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	for _, s := range sources(t, true) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(s.name, "_test.go") {
				tests[f.Name.Name] = true
			}
		}
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "security.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(data), "## What was tried")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	named, rows := regexp.MustCompile("`(Test[A-Z]\\w+)`"), 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| attack |") {
			continue
		}
		rows++
		names := named.FindAllStringSubmatch(line, -1)
		require.NotEmpty(t, names, "no test holds %.80s", line)
		for _, name := range names {
			require.True(t, tests[name[1]], "there is no test %s", name[1])
		}
	}
	require.NotZero(t, rows)
}
