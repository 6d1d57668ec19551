package main

import (
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/tools"
)

// A tool's file lends nothing to another: what two tools need lives in a file of its
// own, or in a room below. Only the list of tools names each file's declaration.
func TestToolFilesLendNothing(t *testing.T) {
	t.Parallel()
	fset, files, info := checkedTools(t)
	isTool := map[string]bool{}
	for _, tool := range tools.All() {
		isTool[tool.Name+".go"] = true
	}
	where := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	lent := map[string][]string{}
	for _, file := range files {
		user := where(file.Pos())
		ast.Inspect(file, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			used := info.Uses[id]
			if used == nil || used.Pkg() == nil || used.Pkg().Path() != "wt-mcp/tools" || !declared(used) {
				return true
			}
			owner := where(used.Pos())
			if key := owner + ": " + used.Name(); isTool[owner] && owner != user && !slices.Contains(lent[key], user) && user != "tool.go" {
				lent[key] = append(lent[key], user)
			}
			return true
		})
	}
	for name, users := range lent {
		t.Errorf("%s is used by %s: a tool's file lends nothing", name, strings.Join(users, ", "))
	}
}

// declared reports a name of the package, or a method or field of a type of it.
func declared(o types.Object) bool {
	switch o := o.(type) {
	case *types.Func:
		return true
	case *types.Var:
		return !o.IsField() && o.Parent() == o.Pkg().Scope()
	}
	return o.Parent() == o.Pkg().Scope()
}

// checkedTools parses package tools and finds out what each name means.
func checkedTools(t *testing.T) (*token.FileSet, []*ast.File, *types.Info) {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export", "./tools")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	require.NoError(t, err)
	exports, names, dir := map[string]string{}, []string(nil), ""
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		require.NoError(t, dec.Decode(&p))
		if exports[p.ImportPath] = p.Export; p.ImportPath == "wt-mcp/tools" {
			names, dir = p.GoFiles, p.Dir
		}
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, 0)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NotEmpty(t, files)
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	_, err = (&types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}).Check("wt-mcp/tools", fset, files, info)
	require.NoError(t, err)
	return fset, files, info
}
