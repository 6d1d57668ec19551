// Package sessions_test runs real coding agents with a real wt-mcp: the client from
// npm lists, calls and shows its model what it was answered, and the model is a script
// on loopback that speaks the client's dialect. What each model was shown is a golden
// file.
//
// The clients are what testdata/package.json pins. Without -clients every test is
// skipped:
//
//	cp cmd/wt-mcp/sessions/testdata/package.json DIR && (cd DIR && npm install --ignore-scripts)
//	go test ./cmd/wt-mcp/sessions -clients DIR
package sessions_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "wt-mcp/server" // so that go test does not answer from its cache for another program
)

var (
	clientsDir = flag.String("clients", "", "where npm installed the clients of testdata/package.json; the tests are skipped without it")
	program    = flag.String("program", "", "the wt-mcp to test; built from this module if empty")
	update     = flag.Bool("update", false, "write the golden files")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if *clientsDir == "" || *program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "wt-mcp-sessions-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*program = filepath.Join(dir, "wt-mcp")
	if out, err := exec.Command("go", "build", "-o", *program, "wt-mcp/cmd/wt-mcp").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build wt-mcp: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
