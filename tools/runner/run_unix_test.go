//go:build unix

package runner

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// late is far more than any run here takes, and far less than what it would
// take if it waited for a sleep of the script.
const late = 10 * time.Second

func command(t testing.TB, script string) Spec {
	env, _ := Environment(os.Environ(), nil, nil)
	return Spec{ID: NewID(time.Now()), Script: script, Path: t.TempDir(), Env: env, Timeout: 2 * late}
}

func mustRun(t testing.TB, c Spec) Result {
	t.Helper()
	got, err := newBoard(t).runOn(t.Context(), c)
	require.NoError(t, err)
	require.Less(t, got.Duration, late)
	return got
}

func exited(code int, output string) Result {
	return Result{Status: Exited, ExitCode: code, Output: output, OutputBytes: int64(len(output))}
}

func TestRunResult(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		want         Result
	}{
		{"success", "echo hi", exited(0, "hi\n")},
		{"nothing", "", exited(0, "")},
		{"exit code", "echo no >&2; exit 3", exited(3, "no\n")},
		{"not found", "exec 2>&-; no-such-command-here", exited(127, "")},
		{"killed by a signal", "kill -KILL $$", exited(137, "")},
		{"terminated by a signal", "kill -TERM $$; sleep 1000", exited(143, "")},
		{"child killed by a signal", "sh -c 'kill -SEGV $$'; exit $?", exited(139, "")},
		{"empty stdin", "cat; echo end", exited(0, "end\n")},
		{"no terminal", "(: </dev/tty) 2>/dev/null || echo none", exited(0, "none\n")},
		{"script like an option", "-e 2>/dev/null", exited(127, "")},
		{"several lines", "if true\nthen\n\techo a\nfi\n", exited(0, "a\n")},
		{"not utf-8", `printf 'a\377\033[31mb\r\n'`, Result{Status: Exited, Output: "a\uFFFDb\n", OutputBytes: 10}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := mustRun(t, command(t, tc.script))
			require.Positive(t, got.Duration)
			got.Duration = 0
			if tc.name == "child killed by a signal" {
				got.Output, got.OutputBytes = "", 0
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestRunInDirectoryWithEnvironment(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Run("given", func(t *testing.T) {
		c := command(t, `pwd; echo "$A"; echo "${GIT_DIR-none}"`)
		c.Path = dir
		c.Env, _ = Environment([]string{"GIT_DIR=x", "PWD=/"}, nil, map[string]string{"A": "b c"})
		require.Equal(t, dir+"\nb c\nnone\n", mustRun(t, c).Output)
	})
	t.Run("empty is not ours", func(t *testing.T) {
		require.NotEmpty(t, os.Getenv("PATH"))
		c := command(t, "/usr/bin/env")
		c.Env = nil
		require.NotContains(t, mustRun(t, c).Output, "HOME=")
	})
}

func TestRunKeepsOrderOfStreams(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
	}
	got := mustRun(t, command(t, `i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done`))
	require.Equal(t, want.String(), got.Output)
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, tc := range []struct {
		name   string
		change func(*Spec)
		want   error
	}{
		{"nul in script", func(c *Spec) { c.Script = "echo a\x00b" }, ErrNUL},
		{"nul in environment", func(c *Spec) { c.Env = []string{"A=\x00"} }, ErrNUL},
		{"script too long", func(c *Spec) { c.Script = strings.Repeat("#", 128<<10) }, ErrTooLong},
		{"environment too long", func(c *Spec) { c.Env = []string{"A=" + strings.Repeat("a", 16<<20)} }, ErrTooLong},
		{"no dir named", func(c *Spec) { c.Path = "" }, ErrNoDir},
		{"dir missing", func(c *Spec) { c.Path += "/missing" }, ErrNoDir},
		{"dir is a file", func(c *Spec) { c.Path = file }, ErrNoDir},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := command(t, "true")
			tc.change(&c)
			got, err := newBoard(t).runOn(t.Context(), c)
			require.ErrorIs(t, err, tc.want)
			require.Zero(t, got)
		})
	}
	t.Run("no shell", func(t *testing.T) {
		c := command(t, "true")
		c.Shell = file + "/sh"
		_, err := newBoard(t).runOn(t.Context(), c)
		require.ErrorIs(t, err, ErrNoShell)
		require.ErrorContains(t, err, file+"/sh")
	})
	t.Run("shell not executable", func(t *testing.T) {
		c := command(t, "true")
		c.Shell = file
		b := newBoard(t)
		_, err := b.runOn(t.Context(), c)
		require.ErrorContains(t, err, "start shell")
		require.NoFileExists(t, b.LogPath(c.ID), "a run that was not started leaves nothing")
		_, err = b.Get(c.ID)
		require.ErrorIs(t, err, ErrUnknown)
	})
}

func TestRunLongestScript(t *testing.T) {
	t.Parallel()
	script := "echo end #"
	got := mustRun(t, command(t, script+strings.Repeat("x", 128<<10-1-len(script))))
	require.Equal(t, "end\n", got.Output)
}

func TestRunTimeout(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		code         int
		output       string
		slow         bool // it takes the whole grace
	}{
		{"plain", "echo before; sleep 1000", 143, "before\n", false},
		{"child in the foreground", "sleep 1000; echo never", 143, "", false},
		{"pipeline", "sleep 1000 | cat", 143, "", false},
		{"stopped", "kill -STOP $$; echo never", 143, "", false},
		{"handler", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.02; done", 7, "bye\n", false},
		{"deaf", "trap '' TERM; echo on; while :; do sleep 0.05; done", 137, "on\n", true},
		{"deaf child", "(trap '' TERM; while :; do sleep 0.05; done) & wait", 143, "", true},
		{"deaf and stopped child", "(trap '' TERM; sh -c 'kill -STOP $$; exec sleep 1000') & wait", 143, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := command(t, tc.script)
			c.Timeout = 300 * time.Millisecond
			got := mustRun(t, c)
			require.Equal(t, TimedOut, got.Status)
			require.Equal(t, tc.code, got.ExitCode)
			require.Equal(t, tc.output, strings.ReplaceAll(got.Output, "Terminated\n", ""))
			require.GreaterOrEqual(t, got.Duration, c.Timeout)
			if tc.slow {
				require.GreaterOrEqual(t, got.Duration, c.Timeout+grace)
			}
		})
	}
}

func TestRunCancel(t *testing.T) {
	t.Parallel()
	t.Run("in time", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		got, err := newBoard(t).runOn(ctx, command(t, "echo before; sleep 1000"))
		require.NoError(t, err)
		require.Less(t, got.Duration, late)
		require.Equal(t, Cancelled, got.Status)
		require.Equal(t, 143, got.ExitCode)
		require.Equal(t, "before\n", got.Output)
	})
	t.Run("deadline of the context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		got, err := newBoard(t).runOn(ctx, command(t, "sleep 1000"))
		require.NoError(t, err)
		require.Equal(t, Cancelled, got.Status)
	})
}

func TestRunWithoutTimeout(t *testing.T) {
	t.Parallel()
	c := command(t, "sleep 0.2; echo end")
	c.Timeout = 0
	require.Equal(t, "end\n", mustRun(t, c).Output)
}

// TestRunEndsTheGroup has DESIGN invariant 9 for what stays in the group.
func TestRunEndsTheGroup(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"background holds the pipe", "sleep 1000 & echo $! >pids; echo hi"},
		{"background does not", "sleep 1000 >/dev/null 2>&1 & echo $! >pids; echo hi"},
		{"deaf background", "(trap '' TERM; sleep 1000) & echo $! >pids; echo hi"},
		{"stopped background", "sleep 1000 & echo $! >pids; kill -STOP $!; echo hi"},
		{"many", "for i in 1 2 3 4 5 6 7 8; do (sleep 1000 & echo $! >>pids; wait) & echo $! >>pids; done; sleep 0.1; echo hi"},
		{"orphans", "(sleep 1000 & echo $! >>pids); (sleep 1000 & echo $! >>pids); echo hi"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := command(t, tc.script)
			got := mustRun(t, c)
			require.Equal(t, Exited, got.Status)
			require.Equal(t, "hi\n", got.Output)
			requireGone(t, c.Path)
		})
	}
	t.Run("timeout of a forker", func(t *testing.T) {
		t.Parallel()
		c := command(t, "while :; do sleep 1000 & echo $! >>pids; done")
		c.Timeout = 100 * time.Millisecond
		require.Equal(t, TimedOut, mustRun(t, c).Status)
		requireGone(t, c.Path)
	})
}

func TestRunKeepsOutputOfLateChild(t *testing.T) {
	t.Parallel()
	c := command(t, "mkfifo f; (cat <f; echo drained) & echo through >f")
	require.Equal(t, "through\ndrained\n", mustRun(t, c).Output)
}

// TestRunIsNotHeldUp: who left the group with the pipe in hand delays nothing.
func TestRunIsNotHeldUp(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid")
	}
	escape := "setsid sh -c 'echo $$ >pids; echo out; %s' & while ! [ -s pids ]; do sleep 0.01; done; sleep 0.1; echo hi; %s"
	for _, tc := range []struct {
		name, inside, after string
		status              Status
	}{
		{"idle", "exec sleep 1000", "", Exited},
		{"writing", "exec yes", "", Exited},
		{"idle, timeout", "exec sleep 1000", "sleep 1000", TimedOut},
		{"writing, timeout", "exec yes", "sleep 1000", TimedOut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := command(t, fmt.Sprintf(escape, tc.inside, tc.after))
			t.Cleanup(func() { killAll(t, c.Path) })
			if tc.after != "" {
				c.Timeout = 600 * time.Millisecond
			}
			got := mustRun(t, c)
			require.Equal(t, tc.status, got.Status)
			require.True(t, strings.HasPrefix(got.Output, "out\n"), got.Output)
			require.Less(t, got.Duration, 3*time.Second)
		})
	}
}

func TestRunManyAtOnce(t *testing.T) {
	t.Parallel()
	c := command(t, "echo a; echo b >&2; exit 5")
	results := make(chan Result)
	for range 20 {
		go func() {
			got, err := newBoard(t).runOn(t.Context(), c)
			if err != nil {
				got.Output = err.Error()
			}
			got.Duration = 0
			results <- got
		}()
	}
	for range 20 {
		require.Equal(t, exited(5, "a\nb\n"), <-results)
	}
}

func requireGone(t *testing.T, dir string) {
	t.Helper()
	pids := readPids(t, dir)
	require.NotEmpty(t, pids)
	for _, pid := range pids {
		require.Eventually(t, func() bool { return !alive(pid) }, late, time.Millisecond, "process %d", pid)
	}
}

// alive is false for a zombie: it waits for init, not for us.
func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}

func killAll(t *testing.T, dir string) {
	for _, pid := range readPids(t, dir) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// readPids skips a number that the end of its writer cut short.
func readPids(t *testing.T, dir string) []int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "pids"))
	require.NoError(t, err)
	var pids []int
	for line := range strings.Lines(string(data)) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && strings.HasSuffix(line, "\n") {
			pids = append(pids, pid)
		}
	}
	return pids
}
