package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eventNames is where the names of events are declared.
const eventNames = "state/event_name.go"

// parsed calls f with each node of the program's own code.
func parsed(t *testing.T, f func(path string, n ast.Node)) {
	t.Helper()
	filesOf(t, func(path, text string) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, ".ci/") || strings.HasPrefix(path, "cmd/") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool { f(path, n); return true })
	}, ".go")
}

// literal is the value of a string in the code; "" is none.
func literal(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	value, _ := strconv.Unquote(lit.Value)
	return value
}

// Each name of an event is written once, and all else uses its constant: no literal is an
// event's name or begins one, and no event gets a name that is not declared.
func TestEventNamesAreDeclaredOnce(t *testing.T) {
	t.Parallel()
	constants, used := map[string]string{}, map[string]bool{} // by name of the event, of the constant
	parsed(t, func(path string, n ast.Node) {
		if spec, ok := n.(*ast.ValueSpec); ok && path == eventNames {
			value := literal(spec.Values[0])
			require.NotContains(t, constants, value, "is declared twice")
			constants[value] = spec.Names[0].Name
		}
	})
	require.Greater(t, len(constants), 25)
	parsed(t, func(path string, n ast.Node) {
		if path == eventNames {
			return
		}
		if key, ok := n.(*ast.KeyValueExpr); ok {
			if field, ok := key.Key.(*ast.Ident); ok && field.Name == "Event" {
				require.Empty(t, literal(key.Value), "%s: the name of an event is a constant of %s", path, eventNames)
			}
		}
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		if text := literal(n); strings.Contains(text, ".") {
			for name, constant := range constants {
				require.False(t, strings.HasPrefix(name, text), "%s has %q: use state.%s", path, text, constant)
			}
		}
	})
	for name, constant := range constants {
		require.True(t, used[constant], "nothing tells of %s (%s)", name, constant)
	}
}
