package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRepo makes a repository with one commit: repo DIR
func cmdRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: repo DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "README.md"), []byte("readme\n"), 0o644))
	for _, git := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "initial"}} {
		ts.Check(ts.Exec("git", append([]string{"-C", dir}, git...)...))
	}
}

// cmdShow prints files as a script may compare them: show FILE...
func cmdShow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: show FILE...")
	}
	for _, file := range args {
		fmt.Fprint(ts.Stdout(), normalizerOf(ts).text(ts.ReadFile(file)))
	}
}

func normalizerOf(ts *testscript.TestScript) *normalizer {
	n := ts.Value(normalizerKey{}).(*normalizer)
	if n.repo == "" {
		n.repo = ts.MkAbs(".")
	}
	return n
}

// scripted is one run of the mcp command.
type scripted struct {
	ts       *testscript.TestScript
	peer     *peer
	claims   []string // as task_claim gave them out
	snapshot string   // that an answer named last
	landing  string   // the same
	terse    bool
	env      []string
	options  peerOptions
}

// cmdMCP is a session of an MCP client with a server in the current directory:
//
//	mcp [-text] [-legacy|-modern] [-silent] [-flags FLAGS] [-root DIR] FILE
//
// The era is that of the run unless it is named. Without -silent the client
// shakes hands first. -text leaves structured results out of the output (they
// are checked all the same). FLAGS go to the server, DIR is a root of the client.
// Each line of FILE is one step:
//
//	TOOL {json}      call the tool; <<x*N>> in the arguments stands for N times x,
//	                 <<claim N>> for the N-th claim that the script was given,
//	                 <<snapshot>> or <<landing>> for the one that an answer named last
//	{json}           send the request as it is and print the answer
//	!raw "text"      send the bytes of a quoted Go string and print the answer, which has id null
//	!send {json}     send a message that is not answered
//	!sh COMMAND      run a shell command between calls
//	!list METHOD     print the names that a list method answers
//	!restart         end the server and start another one
//	# text           a comment
//
// The output has a block for each step:
//
//	> TOOL {json}
//	ok
//	| the text
//	{ the structured result }
//
//	> TOOL {json}
//	error
//	| error[code]: message
//	| hint
//	details {"what":"_meta has beside code, message and hint"}
//
// Every line of the server is held to the protocol and every answer to the client
// contract, whatever FILE and the expected output say: see peer and toolSchemas.check.
func cmdMCP(ts *testscript.TestScript, neg bool, args []string) {
	s, file := newSession(ts, args)
	if neg || file == "" {
		ts.Fatalf("usage: mcp [-text] [-legacy|-modern] [-silent] [-flags FLAGS] [-root DIR] FILE")
	}
	s.dial()
	defer s.peer.kill()
	for _, line := range strings.Split(ts.ReadFile(file), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			s.print("> %s\n", s.normal(line))
			s.step(line)
			s.print("\n")
		}
	}
	ts.Check(s.peer.close())
	fmt.Fprint(ts.Stderr(), s.normal(s.peer.stderr.String()))
}

func newSession(ts *testscript.TestScript, args []string) (*scripted, string) {
	s := &scripted{ts: ts, env: environment(ts)}
	s.options = peerOptions{dir: ts.MkAbs("."), env: s.env, modern: ts.Value(eraKey{}) == "modern", command: which(ts, "wt-mcp")}
	for len(args) > 1 {
		value := 0
		switch args[0] {
		case "-text":
			s.terse = true
		case "-legacy", "-modern":
			s.options.modern = args[0] == "-modern"
		case "-silent":
			s.options.silent = true
		case "-flags":
			value, s.options.flags = 1, strings.Fields(args[1])
		case "-root":
			value, s.options.roots = 1, append(s.options.roots, ts.MkAbs(args[1]))
		default:
			return s, ""
		}
		args = args[1+value:]
	}
	if len(args) == 0 {
		return s, ""
	}
	return s, args[0]
}

// environment is what a command of the script gets; no value has a line break.
func environment(ts *testscript.TestScript) []string {
	ts.Check(ts.Exec("env"))
	return strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
}

func which(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); isExecutable(path) {
			return path
		}
	}
	ts.Fatalf("%s is not on PATH", name)
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (s *scripted) dial() {
	p, err := dial(s.options)
	s.ts.Check(err)
	s.peer = p
}

func (s *scripted) print(format string, args ...any) { fmt.Fprintf(s.ts.Stdout(), format, args...) }

func (s *scripted) normal(text string) string { return normalizerOf(s.ts).text(text) }

func (s *scripted) step(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case line[0] == '{':
		s.raw(s.expand(line))
	case word == "!raw":
		text, err := strconv.Unquote(rest)
		s.ts.Check(err)
		s.ts.Check(s.peer.write([]byte(text)))
		s.printMessage(s.peer.await(s.peer.stray))
	case word == "!send":
		s.ts.Check(s.peer.write([]byte(rest)))
	case word == "!sh":
		s.shell(rest)
	case word == "!list":
		s.list(rest)
	case word == "!restart":
		s.ts.Check(s.peer.close())
		s.dial()
	default:
		if rest == "" {
			rest = "{}"
		}
		s.call(word, s.expand(rest))
	}
}

// call prints the answer to a tools/call.
func (s *scripted) call(tool, args string) {
	r, err := s.peer.call(tool, args)
	s.ts.Check(err)
	text := "| " + strings.ReplaceAll(strings.TrimRight(s.normal(r.text()), "\n"), "\n", "\n| ")
	if !r.IsError {
		s.remember(r.Structured)
		s.print("ok\n%s\n", text)
		if !s.terse {
			s.print("%s\n", normalizerOf(s.ts).json(r.Structured))
		}
		return
	}
	s.print("error\n%s\n", text)
	if e, err := r.failure(); err == nil && len(e.Details) > 0 {
		s.print("details %s\n", s.normal(string(mustJSON(e.Details))))
	}
}

// remember keeps what later steps may name.
func (s *scripted) remember(result []byte) {
	var out struct{ Claim, Snapshot, Landing string }
	if json.Unmarshal(result, &out) != nil {
		return
	}
	if out.Claim != "" && !slices.Contains(s.claims, out.Claim) {
		s.claims = append(s.claims, out.Claim)
	}
	if out.Snapshot != "" {
		s.snapshot = out.Snapshot
	}
	if out.Landing != "" {
		s.landing = out.Landing
	}
}

// raw sends a message as it is.
func (s *scripted) raw(line string) {
	var m struct {
		ID json.RawMessage `json:"id"`
	}
	s.ts.Check(json.Unmarshal([]byte(line), &m))
	answer := s.peer.expect(string(m.ID))
	s.ts.Check(s.peer.write([]byte(line)))
	s.printMessage(s.peer.await(answer))
}

func (s *scripted) printMessage(m message, err error) {
	s.ts.Check(err)
	s.print("%s\n", s.normal(m.line))
}

func (s *scripted) shell(script string) {
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir, cmd.Env = s.options.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.ts.Fatalf("%s: %v\n%s", script, err, out)
	}
	s.print("%s", s.normal(string(out)))
}

func (s *scripted) list(method string) {
	answer, err := s.peer.request(method, nil)
	s.ts.Check(err)
	var lists map[string]json.RawMessage
	s.ts.Check(json.Unmarshal(answer, &lists))
	var named []struct{ Name string }
	s.ts.Check(json.Unmarshal(lists[strings.TrimSuffix(method, "/list")], &named))
	for _, n := range named {
		s.print("%s\n", n.Name)
	}
}

var repeated = regexp.MustCompile(`<<([^*<>]+)\*(\d+)>>`)

// expand writes out <<x*N>>, <<claim N>>, <<snapshot>> and <<landing>>.
func (s *scripted) expand(line string) string {
	line = strings.NewReplacer("<<snapshot>>", s.snapshot, "<<landing>>", s.landing).Replace(line)
	for i, claim := range s.claims {
		line = strings.ReplaceAll(line, fmt.Sprintf("<<claim %d>>", i+1), claim)
	}
	return repeated.ReplaceAllStringFunc(line, func(mark string) string {
		parts := repeated.FindStringSubmatch(mark)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
}
