package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "wt-mcp/"

// layer is one row of the table in the design: who may import what, and why.
type layer struct {
	place string   // a package of the module; with /... also those below it
	may   []string // packages of the module, and modules of others; std is always allowed
	why   string
}

// layers has the most specific place first.
func layers() []layer {
	return []layer{
		{"cmd/...", []string{"*"}, "the command wires everything together"},
		{"server/stdio", []string{"github.com/mark3labs/mcp-go"}, "the transport knows the protocol and nothing of the board"},
		{"server/desk", []string{"tools", "state", "github.com/google/jsonschema-go"},
			"the desk serves every front end: it knows no protocol, and reaches the board through tools only"},
		{"server/...", []string{"server/...", "tools", "state", "github.com/mark3labs/mcp-go", "github.com/google/jsonschema-go"},
			"a front end adapts the desk to its clients: what a call may do is decided behind it, so that all see the same rules"},
		{"tools/runner", []string{"state/osfs", "state/osfs/flock", "golang.org/x/sys"}, "running a command is independent of what it is run for"},
		{"tools/config", []string{"state/osfs", "github.com/pelletier/go-toml"}, "what is allowed is read without knowing what for"},
		{"tools/include", []string{"state/osfs", "golang.org/x/sys"}, "copying files is independent of who chose them"},
		{"tools/jail", []string{"state/osfs"}, "what a path of a worktree may reach is independent of who asks"},
		{"tools/occupants", nil, "who is in a directory is asked of the system alone"},
		{"tools/disk", nil, "what a directory takes is asked of the disk alone"},
		{"tools/rules", []string{"state"}, "what may happen on the board is decided by the board alone: no git, no processes, no protocol"},
		{"tools/ops", []string{"state", "state/osfs", "git", "tools/rules", "tools/include"}, "a change of board and git is made, and recovered, in one place, whoever asks for it"},
		{"tools/runs", []string{"state", "state/osfs", "git", "tools/rules", "tools/ops", "tools/runner", "tools/config"}, "what agents run is told on the board in one place, whoever asks for it"},
		{"tools/queue", []string{"state/osfs", "state/osfs/flock"}, "who stands in line and has the turn is independent of what is done there"},
		{"tools/gate", []string{"state", "git", "tools/config", "tools/runner", "tools/runs"}, "what must pass before a landing is run in one place, and knows nothing of how one lands"},
		{"tools", []string{"state", "state/osfs", "git", "tools/rules", "tools/ops", "tools/runs", "tools/gate", "tools/queue", "tools/runner", "tools/config", "tools/include", "tools/jail", "tools/occupants", "tools/disk"},
			"use cases know no protocol: the CLI, the web board and tests call the same methods"},
		{"state/osfs/flock", []string{"golang.org/x/sys"}, "files are locked among processes in one place, below everything that has files"},
		{"state/osfs", []string{"golang.org/x/sys"}, "what systems do differently with files is told in one place, below everything that has files"},
		{"state/files", []string{"state", "state/osfs", "state/osfs/flock", "github.com/spf13/afero", "golang.org/x/sys"},
			"the store on plain files keeps what the board's rules decide, and decides nothing of its own"},
		{"state/statetest", []string{"state", "github.com/stretchr/testify"}, "what every store must do is asked through what every store has"},
		{"state/...", []string{"state"}, "a store keeps what the board's rules decide, and knows no other store"},
		{"state", nil, "the board's values and rules are the same wherever it is kept; a use case in tools joins it with git"},
		{"git/gittest", nil, "test helpers need nothing but the git program"},
		{"git", []string{"state/osfs", "state/osfs/flock", "golang.org/x/sys"}, "git is asked by exec; what it says is joined with the board in tools"},
	}
}

type goPackage struct {
	ImportPath, Dir, Name string
	GoFiles               []string
	Imports               []string
	Standard              bool
}

// packages lists the packages of the module for Linux and Windows, whose files differ.
func packages(t *testing.T) []goPackage {
	t.Helper()
	var all []goPackage
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,Imports,Standard", "./...")
		cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		dec := json.NewDecoder(strings.NewReader(string(out)))
		for dec.More() {
			var p goPackage
			require.NoError(t, dec.Decode(&p))
			all = append(all, p)
		}
	}
	require.NotEmpty(t, all)
	return all
}

func matches(pattern, path string) bool {
	base, tree := strings.CutSuffix(pattern, "/...")
	return path == base || tree && strings.HasPrefix(path, base+"/")
}

func layerOf(t *testing.T, path string) layer {
	t.Helper()
	for _, l := range layers() {
		if matches(l.place, path) {
			return l
		}
	}
	t.Errorf("package %s has no place in the design: give it a row in the layer table (AGENTS.md and arch_test.go) or move its code", path)
	return layer{may: []string{"*"}}
}

func (l layer) allows(imported string) bool {
	if slices.Contains(l.may, "*") {
		return true
	}
	if own, ok := strings.CutPrefix(imported, module); ok {
		return slices.ContainsFunc(l.may, func(m string) bool { return matches(m, own) })
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(l.may, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
}

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		l := layerOf(t, path)
		for _, imported := range p.Imports {
			if !l.allows(imported) {
				t.Errorf("%s imports %s: %s; it may import %v and the standard library", path, imported, l.why, l.may)
			}
			if imported == "os/exec" && !matches("cmd/...", path) && !slices.Contains([]string{"git", "git/gittest", "tools/runner", "tools/occupants"}, path) {
				t.Errorf("%s imports os/exec: processes are started in one place per purpose, git, tools/runner and, to ask the system, tools/occupants, with its own rules of environment and death", path)
			}
		}
	}
}

// The command speaks MCP as a client only, where it plays one.
func TestCommandKnowsTheSDKInTheDemoOnly(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t, false) {
		for _, imported := range s.file.Imports {
			if s.pkg == "cmd/wt-mcp" && strings.Contains(imported.Path.Value, "/mcp-go/") && !strings.HasPrefix(s.name, "demo") {
				t.Errorf("%s imports %s: the server package is what knows the SDK", s.at(imported), imported.Path.Value)
			}
		}
	}
}

func TestPackageNamesSayWhatTheyDo(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range []string{"util", "utils", "common", "helpers", "helper", "types", "misc", "base", "shared"} {
			require.NotEqual(t, name, p.Name, "%s: a package is named by what it does", p.ImportPath)
		}
	}
}

// source is one parsed file of the product.
type source struct {
	pkg, name string
	fset      *token.FileSet
	file      *ast.File
	lines     int
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s/%s:%d", s.pkg, s.name, s.fset.Position(n.Pos()).Line)
}

// sources parses every Go file, the files of tests as well if asked for.
func sources(t *testing.T, tests bool) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || !tests && strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		all = append(all, source{filepath.ToSlash(dir), d.Name(), fset, file, strings.Count(string(data), "\n")})
		return nil
	}))
	return all
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	const fileLines, functionLines = 400, 60
	for _, s := range sources(t, true) {
		if s.lines > fileLines && !strings.HasSuffix(s.name, "_test.go") {
			t.Errorf("%s/%s has %d lines, the budget is %d: it does more than one thing", s.pkg, s.name, s.lines, fileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > functionLines {
				t.Errorf("%s: %s has %d lines, the budget is %d: give its steps names", s.at(f), f.Name.Name, n, functionLines)
			}
		}
	}
}

// stdout belongs to the protocol: only the command may touch it.
func TestNobodyPrints(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t, false) {
		if matches("cmd/...", s.pkg) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch name := selector(n); name {
			case "fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout", "os.Stdin", "log.Print", "log.Printf", "log.Println":
				t.Errorf("%s uses %s: stdin and stdout carry the protocol, and only the command opens them", s.at(n), name)
			case "os.Exit", "log.Fatal", "log.Fatalf":
				t.Errorf("%s uses %s: only main ends the process, so that what is deferred is done", s.at(n), name)
			}
			return true
		})
	}
}

func selector(n ast.Node) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + sel.Sel.Name
}

// State that a package keeps to itself makes two boards in one process one.
func TestNoHiddenState(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t, false) {
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == "init" && d.Recv == nil {
					t.Errorf("%s: no init: what a program needs is passed to it", s.at(d))
				}
			case *ast.GenDecl:
				checkVars(t, s, d)
			}
		}
	}
}

func checkVars(t *testing.T, s source, d *ast.GenDecl) {
	t.Helper()
	if d.Tok != token.VAR || embeds(d.Doc) {
		return
	}
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if embeds(v.Doc) {
			continue
		}
		for i, name := range v.Names {
			if name.Name != "_" && (i >= len(v.Values) || !constant(v.Values[i])) {
				t.Errorf("%s: %s is a package variable: make it a field, an argument or a function; "+
					"errors, compiled regexps, embeds and interface checks may stand", s.at(v), name.Name)
			}
		}
	}
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func constant(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, selector(call.Fun))
}

// The rules must be able to fail.
func TestLayerTableRefuses(t *testing.T) {
	t.Parallel()
	for path, imports := range map[string][]string{
		"tools":            {"github.com/mark3labs/mcp-go/mcp", "wt-mcp/server", "github.com/spf13/afero", "wt-mcp/state/files"},
		"state":            {"wt-mcp/git", "wt-mcp/tools", "wt-mcp/state/files", "github.com/spf13/afero", "golang.org/x/sys/unix"},
		"state/files":      {"wt-mcp/git", "wt-mcp/tools", "github.com/mark3labs/mcp-go/server"},
		"git":              {"wt-mcp/state", "github.com/spf13/afero"},
		"tools/runner":     {"wt-mcp/state"},
		"server":           {"wt-mcp/git", "github.com/spf13/afero", "wt-mcp/tools/runner"},
		"server/stdio":     {"wt-mcp/tools"},
		"state/natsstore":  {"wt-mcp/tools", "wt-mcp/state/files"},
		"server/something": {"wt-mcp/git"},
	} {
		for _, imported := range imports {
			require.False(t, layerOf(t, path).allows(imported), "%s may import %s", path, imported)
		}
	}
	require.True(t, layerOf(t, "server").allows("wt-mcp/server/stdio"))
	require.True(t, layerOf(t, "tools").allows("encoding/json"))
	for _, src := range []string{"var x = 1", "var m = map[string]int{}", "var a, b = errors.New(``), 2"} {
		require.False(t, allConstant(t, src), src)
	}
	for _, src := range []string{"var e = errors.New(`x`)", "var _ io.Reader = T{}", "var (\n r = regexp.MustCompile(`x`)\n)"} {
		require.True(t, allConstant(t, src), src)
	}
}

func allConstant(t *testing.T, src string) bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+src, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, spec := range file.Decls[0].(*ast.GenDecl).Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			if name.Name != "_" && !constant(v.Values[i]) {
				return false
			}
		}
	}
	return true
}

// The table of AGENTS.md, once it is there, names every layer.
func TestLayerTableIsDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "AGENTS.md"))
	if os.IsNotExist(err) {
		t.Skip("no AGENTS.md yet")
	}
	require.NoError(t, err)
	for _, l := range layers() {
		place := strings.TrimSuffix(l.place, "/...")
		if place == "git/gittest" {
			continue
		}
		require.Contains(t, string(data), place, "AGENTS.md must name every layer")
	}
}
