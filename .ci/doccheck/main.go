// Command doccheck holds the documents against the program and against go.mod:
//
//   - README.md: the table of tools is what the server lists;
//   - examples/: every file parses, and the server starts with its arguments;
//   - DEPENDENCIES.md: it has a line for each direct dependency, and no other.
//
// With -write it writes the table instead of checking it. It runs in the root of
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
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	server := flag.String("server", "", "the built wt-mcp")
	write := flag.Bool("write", false, "write the table of tools")
	flag.Parse()
	err := errors.Join(checkTable(*server, *write), checkExamples(*server), checkDependencies())
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

const begin, end = "<!-- tools:begin -->\n", "<!-- tools:end -->"

func checkTable(server string, write bool) error {
	table, err := table(server)
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	head, rest, ok1 := strings.Cut(string(readme), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		return fmt.Errorf("README.md: the markers %q and %q are missing", strings.TrimSpace(begin), end)
	case old == table:
		return nil
	case !write:
		return errors.New("README.md: the table of tools is not what the server lists; write it with\n" +
			"\tgo run .ci/doccheck/main.go -server PATH -write")
	}
	return os.WriteFile("README.md", []byte(head+begin+table+end+tail), 0o644)
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
