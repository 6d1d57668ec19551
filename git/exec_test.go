package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func TestErrorHasTheFacts(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	_, err := r.read(t.Context(), "worktree", "remove", "--", filepath.Join(g.Dir, "absent"))
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 128, e.ExitCode)
	require.Equal(t, []string{"worktree", "remove", "--"}, e.Args[:3])
	require.Equal(t, r.CommonDir(), e.Dir)
	require.Contains(t, e.Stderr, "is not a working tree")
	require.True(t, strings.HasPrefix(err.Error(), "git worktree remove: fatal: "), err)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
}

func TestRefusedNamesAFew(t *testing.T) {
	t.Parallel()
	err := refuse(ErrDirty, "a", "b", "c", "d", "e", "f", "g")
	require.EqualError(t, err, "worktree has changes: a, b, c, d, e and 2 more")
	require.EqualError(t, refuse(ErrLocked), ErrLocked.Error())
}

// runFake runs a script in place of git, with the time it took.
func runFake(t *testing.T, ctx context.Context, script string) ([]byte, error, time.Duration) {
	t.Helper()
	p := &program{path: writeScript(t, script), env: os.Environ(), patience: usualPatience()}
	start := time.Now()
	out, err := p.run(ctx, call{args: []string{"x"}})
	return out, err, time.Since(start)
}

func TestGrandchildThatKeepsThePipe(t *testing.T) {
	t.Parallel()
	out, err, took := runFake(t, t.Context(), "sleep 60 & echo $!")
	require.NoError(t, err, "git itself succeeded")
	require.Less(t, took, grace+3*time.Second)
	requireGone(t, strings.TrimSpace(string(out)))
}

// Invariant 12: a git that succeeds and warns may not have seen everything.
func TestInvariant12WarningIsNoWholeAnswer(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]error{"echo out": nil, "echo out; echo warning: not all >&2": ErrUnseen} {
		p := &program{path: writeScript(t, script), env: os.Environ(), patience: usualPatience()}
		out, err := p.whole(t.Context(), call{args: []string{"x"}})
		require.ErrorIs(t, err, want)
		require.Equal(t, "out\n", string(out))
	}
}

// A git that computes without end, or goes on without end, is ended like one that waits.
func TestBusyGitIsEnded(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what a process does")
	}
	for script, want := range map[string]string{
		"while :; do :; done":                   "git x computed for 400ms",
		"while :; do echo out >/dev/null; done": "git x took more than 3s",
		"sleep 60":                              "git x did nothing for 1s",
	} {
		p := &program{path: writeScript(t, script), env: os.Environ(), patience: patience{look: 40 * time.Millisecond, unknown: 1,
			read: limits{idle: time.Second, compute: 400 * time.Millisecond, whole: 3 * time.Second}}}
		if want == "git x did nothing for 1s" {
			p.patience.read.compute = time.Minute
		}
		began := time.Now()
		_, err := p.run(t.Context(), call{args: []string{"x"}, dir: t.TempDir()})
		require.ErrorIs(t, err, ErrStuck)
		require.ErrorContains(t, err, want)
		require.Less(t, time.Since(began), 10*time.Second)
	}
}

func requireGone(t *testing.T, pid string) {
	t.Helper()
	require.Eventually(t, func() bool {
		state, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
		return err != nil || strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
	}, 3*time.Second, 10*time.Millisecond, "process %s is still there", pid)
}

func TestCancelEndsAGitThatIgnoresIt(t *testing.T) {
	t.Parallel()
	t.Run("obeys", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err, took := runFake(t, ctx, "exec sleep 60")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, took, grace)
	})
	t.Run("ignores", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err, took := runFake(t, ctx, "trap '' TERM INT; echo $$; while :; do sleep 1; done")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, took, grace+3*time.Second)
	})
	t.Run("cause", func(t *testing.T) {
		why := errors.New("the client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		_, err, _ := runFake(t, ctx, "exec sleep 60")
		require.ErrorIs(t, err, why)
	})
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	_, err, _ := runFake(t, t.Context(), "yes fatal: long | head -c 1000000 >&2; exit 128")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, stderrLimit, len(e.Stderr))
	require.Less(t, len(e.Error()), 1100)
	if !testing.Short() {
		_, err, _ = runFake(t, t.Context(), "exec yes")
		require.ErrorIs(t, err, ErrOutput)
	}
}

func TestLockHonoursItsContext(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	second := mustOpen(t, g.Dir) // another flock, as another process has
	unlock, err := second.lock(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = r.lock(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "git.lock")
	unlock()
	unlock, err = r.lock(t.Context())
	require.NoError(t, err)
	unlock()
	require.FileExists(t, filepath.Join(r.CommonDir(), "wt-mcp", "git.lock"), "never unlinked")
}

func TestFakeGitIsNotTheUsers(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t)
	require.Equal(t, "Test Author <author@example.com>", g.Git("log", "-1", "--format=%an <%ae>"))
	require.Equal(t, g.Head(), gittest.NewRepo(t).Head(), "pinned dates: the same ids everywhere")
}
