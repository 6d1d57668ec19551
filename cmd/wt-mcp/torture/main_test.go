//go:build linux

// Package torture_test proves from outside what docs/reliability.md promises:
// real wt-mcp processes over stdio, real git, real files, and checks that read
// files and ask git but use none of the product's code.
//
// The plain form is sized for two cores and a minute. -torture.long runs each
// test as long as the figures in docs/reliability.md took.
package torture_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "wt-mcp/server" // so that go test does not answer from its cache for another program
)

var (
	long    = flag.Bool("torture.long", false, "run the long form of every test")
	program = flag.String("torture.bin", "", "the wt-mcp to test; built from this module if empty")
	seed    = flag.Uint64("torture.seed", 0, "seed of what is random; 0 takes one from the clock")
	lasting = flag.Duration("torture.time", 0, "how long the tests that kill go on; 0 takes 10 s, or 2 min in the long form")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run builds the program and runs the tests where git finds no configuration of
// this machine.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wt-mcp-torture-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func prepare(dir string) error {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	if *program == "" {
		*program = filepath.Join(dir, "wt-mcp")
		args := []string{"build", "-o", *program}
		if raceDetector {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "wt-mcp/cmd/wt-mcp")...).CombinedOutput(); err != nil {
			return fmt.Errorf("build wt-mcp: %w\n%s", err, out)
		}
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "WT_MCP_") {
			os.Unsetenv(name)
		}
	}
	home := filepath.Join(dir, "home")
	config := "[user]\n\tname = Test Author\n\temail = author@example.com\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n"
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"} {
		os.Setenv(name, value)
	}
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644)
}

// random is a source of its own for each use; the test logs the seed.
func random(t testing.TB, n int) *rand.Rand {
	t.Helper()
	if n == 0 {
		t.Logf("-torture.seed=%d", *seed)
	}
	return rand.New(rand.NewPCG(*seed, uint64(n)))
}

// either is the plain size, or that of the long form.
func either[T any](plain, extended T) T {
	if *long {
		return extended
	}
	return plain
}

// duration is how long a test that kills goes on.
func duration(plain, extended time.Duration) time.Duration {
	if *lasting > 0 {
		return *lasting
	}
	return either(plain, extended)
}
