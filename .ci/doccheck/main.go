// Command doccheck holds the documents against the program and against go.mod:
//
//   - README.md: the table of tools is what the server lists, and that of events what
//     the package state declares;
//   - examples/: every file parses, and the server starts with its arguments;
//   - DEPENDENCIES.md: it has a line for each direct dependency, and no other.
//
// With -write it writes the tables instead of checking them. It runs in the root of
// the module:
//
//	go run .ci/doccheck/main.go -server PATH [-write]
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	server := flag.String("server", "", "the built wt-mcp")
	write := flag.Bool("write", false, "write the tables")
	flag.Parse()
	err := errors.Join(checkTables(*server, *write), checkExamples(*server), checkDependencies())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The server's answer to tools/list, as far as the table shows it.
type tool struct {
	Name, Title, Description  string
	InputSchema, OutputSchema schema
	Annotations               struct{ ReadOnlyHint, DestructiveHint bool }
}

type schema struct {
	Type                 any
	Description          string
	Properties           map[string]schema
	Required             []string
	Items                *schema
	AdditionalProperties any
	Enum                 []string
	Minimum, Maximum     *float64
}

const listRequest = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{` +
	`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}` + "\n"

// list starts the server with args and asks for its tools.
func list(server string, args ...string) ([]tool, error) {
	cmd := exec.Command(server, args...)
	cmd.Stdin = strings.NewReader(listRequest)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("wt-mcp %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	var answer struct{ Result struct{ Tools []tool } }
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("answer of tools/list: %w", err)
	}
	return answer.Result.Tools, nil
}

func checkTables(server string, write bool) error {
	tools, err := table(server)
	if err != nil {
		return err
	}
	events, err := eventTable("state/event_name.go")
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	now, err1 := replace(string(readme), "tools", tools)
	now, err2 := replace(now, "events", events)
	switch {
	case err1 != nil || err2 != nil:
		return errors.Join(err1, err2)
	case now == string(readme):
		return nil
	case !write:
		return errors.New("README.md: a table is not what the server lists, or what state/event_name.go declares; write them with\n" +
			"\tgo run .ci/doccheck/main.go -server PATH -write")
	}
	return os.WriteFile("README.md", []byte(now), 0o644)
}

// replace puts a table between its two markers.
func replace(text, name, table string) (string, error) {
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	head, rest, ok1 := strings.Cut(text, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return text, fmt.Errorf("README.md: the markers %q and %q are missing", strings.TrimSpace(begin), end)
	}
	return head + begin + table + end + tail, nil
}

// eventTable lists the exported names of events with what the comment beside each says.
// A + is before those that the original program does not write.
func eventTable(path string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("\n| event | tells |\n|---|---|\n")
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		plus := "+ "
		if strings.Contains(group.Doc.Text(), "original program") {
			plus = ""
		}
		for _, spec := range group.Specs {
			name := spec.(*ast.ValueSpec)
			if !name.Names[0].IsExported() {
				continue
			}
			value, err := strconv.Unquote(name.Values[0].(*ast.BasicLit).Value)
			if err != nil || name.Comment == nil {
				return "", fmt.Errorf("%s: %s has no name, or no comment that says what it tells", path, name.Names[0])
			}
			fmt.Fprintf(&b, "| %s`%s` | %s |\n", plus, value, cell(strings.TrimSpace(name.Comment.Text())))
		}
	}
	b.WriteString("\n")
	return b.String(), nil
}

func table(server string) (string, error) {
	var b bytes.Buffer
	for _, set := range []string{"default", "integrate", "files"} {
		tools, err := list(server, "serve", "--toolsets", set)
		if err != nil {
			return "", err
		}
		if len(tools) == 0 {
			continue
		}
		slices.SortFunc(tools, func(a, b tool) int { return strings.Compare(a.Name, b.Name) })
		fmt.Fprintf(&b, "\n#### Set `%s`\n\n| tool | arguments (**required**) | structured result |\n|---|---|---|\n", set)
		for _, t := range tools {
			fmt.Fprintf(&b, "| `%s`%s<br>%s | %s | %s |\n", t.Name, mark(t), cell(t.Description), arguments(t.InputSchema), result(t.OutputSchema))
		}
	}
	b.WriteString("\n")
	return b.String(), nil
}

func mark(t tool) string {
	switch {
	case t.Annotations.ReadOnlyHint:
		return " (reads)"
	case t.Annotations.DestructiveHint:
		return " (destructive)"
	}
	return ""
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}

// arguments lists the required ones first, then the others by name.
func arguments(in schema) string {
	names := slices.Clone(in.Required)
	for _, name := range keys(in) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	lines := make([]string, 0, len(names))
	for _, name := range names {
		p := in.Properties[name]
		shown := "`" + name + "`"
		if slices.Contains(in.Required, name) {
			shown = "**" + shown + "**"
		}
		line := shown + " " + takes(p)
		if p.Description != "" {
			line += " (" + cell(p.Description) + ")"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, "<br>")
}

func takes(p schema) string {
	switch {
	case len(p.Enum) > 0:
		return strings.Join(p.Enum, ", ")
	case p.Type == "array" && p.Items != nil:
		return "[" + takes(*p.Items) + "]"
	case p.Type == "object":
		return "{string}"
	case p.Minimum != nil && p.Maximum != nil:
		return fmt.Sprintf("%v %v-%v", p.Type, *p.Minimum, *p.Maximum)
	case p.Minimum != nil:
		return fmt.Sprintf("%v ≥ %v", p.Type, *p.Minimum)
	}
	return fmt.Sprint(p.Type)
}

// result names the two objects that are described with the files of the board;
// of others it lists the keys.
func result(out schema) string {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { _, ok := out.Properties[n]; return !ok })
	}
	switch {
	case has("subject", "description", "blockedBy", "version"):
		return "the task"
	case has("name", "path", "branch", "task_id", "created_at"):
		return "the entry"
	}
	names := keys(out)
	for i, n := range names {
		names[i] = "`" + n + "`"
	}
	return strings.Join(names, ", ")
}

func keys(s schema) []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checkExamples starts the server as each example does, in a place where its
// variables and placeholders lead.
func checkExamples(server string) error {
	var all error
	count := 0
	err := filepath.WalkDir("examples", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		count++
		args, err := argsOf(path)
		if err == nil {
			_, err = list(server, args...)
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", path, err))
		}
		return nil
	})
	if count == 0 {
		all = errors.Join(all, errors.New("examples: there are none"))
	}
	return errors.Join(all, err)
}

var tomlArgs = regexp.MustCompile(`(?m)^args = (\[.*\])$`)

func argsOf(path string) (args []string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".toml" {
		found := tomlArgs.FindSubmatch(data)
		if found == nil {
			return nil, errors.New("there is no line args = […]")
		}
		return args, json.Unmarshal(found[1], &args)
	}
	type entry struct {
		Command string
		Args    []string
	}
	var config struct{ MCPServers, Servers map[string]entry }
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	for _, e := range []map[string]entry{config.MCPServers, config.Servers} {
		if w, ok := e["wt"]; ok && w.Command == "wt-mcp" {
			return w.Args, nil
		}
	}
	return nil, errors.New("there is no server wt with the command wt-mcp")
}

var listed = regexp.MustCompile("(?m)^- `([^`]+)`")

func checkDependencies() error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all").Output()
	if err != nil {
		return fmt.Errorf("go list -m: %w", err)
	}
	text, err := os.ReadFile("DEPENDENCIES.md")
	if err != nil {
		return err
	}
	var documented []string
	for _, found := range listed.FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, found[1])
	}
	direct := strings.Fields(string(out))
	for _, path := range direct {
		if !slices.Contains(documented, path) {
			err = errors.Join(err, fmt.Errorf("DEPENDENCIES.md: %s of go.mod is missing", path))
		}
	}
	for _, path := range documented {
		if !slices.Contains(direct, path) {
			err = errors.Join(err, fmt.Errorf("DEPENDENCIES.md: %s is no direct dependency in go.mod", path))
		}
	}
	return err
}
