package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts")

func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "WT_MCP_") {
			os.Unsetenv(name)
		}
	}
	if os.Getenv("GORACE") == "" { // a process under -race waits a second before it ends
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	testscript.Main(m, map[string]func(){"wt-mcp": main})
}

// TestScripts runs every script in both eras of the protocol; a script that does
// not speak MCP skips one with [modern].
func TestScripts(t *testing.T) {
	for _, era := range []string{"legacy", "modern"} {
		t.Run(era, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 filepath.Join("testdata", "script"),
				RequireUniqueNames:  true,
				RequireExplicitExec: true,
				UpdateScripts:       *update,
				Setup:               func(env *testscript.Env) error { return isolate(env, era) },
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "legacy", "modern":
						return cond == era, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"repo": cmdRepo, "mcp": cmdMCP, "show": cmdShow},
			})
		})
	}
}

// normalizerKey is where a script keeps its normalizer.
type normalizerKey struct{}

type eraKey struct{}

// isolate gives a script a home of its own and pins who commits and when.
func isolate(env *testscript.Env, era string) error {
	env.Values[eraKey{}] = era
	env.Values[normalizerKey{}] = &normalizer{work: env.WorkDir, commits: map[string]string{}}
	vars, err := cleanHome(filepath.Join(env.WorkDir, ".home"))
	env.Vars = append(env.Vars, vars...)
	return err
}

// cleanHome makes a home directory with a git configuration and returns the
// environment in which git knows no other.
func cleanHome(home string) ([]string, error) {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	config := "[user]\n\tname = Test Author\n\temail = author@example.com\n[init]\n\tdefaultBranch = main\n" +
		"[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n"
	err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644)
	return []string{
		"HOME=" + home, "USERPROFILE=" + home,
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"XDG_DATA_HOME=" + filepath.Join(home, "data"), "XDG_STATE_HOME=" + filepath.Join(home, "state"),
		"CLAUDE_CODE_SESSION_ID=", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8", "GORACE=" + os.Getenv("GORACE"),
		"GIT_AUTHOR_DATE=2024-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2024-01-01T00:00:00Z",
	}, err
}

// command is the program as its user starts it.
func (s *scratch) command(args ...string) *exec.Cmd {
	cmd := exec.Command("wt-mcp", args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}
