package gate

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state/files"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runner"
)

// TestMain is the supervisor, where a test starts one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == runner.SuperviseCommand {
		if runner.Supervise(os.Stdin, os.Stdout, func(runner.Record) {}) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(gittest.Main(m))
}

func newGate(t *testing.T, commands ...string) (Gate, *gittest.Repo) {
	t.Helper()
	repo := gittest.NewRepo(t)
	opened, err := git.Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	store := files.Open(files.Config{FS: afero.NewOsFs(), Root: opened.Root(), Private: opened.Private(), NoSync: true})
	jobs := runner.NewJobs(filepath.Join(opened.Private(), "runs"), func(*runner.Record, bool) error { return nil })
	t.Cleanup(func() { jobs.Close(); store.Close(); opened.Close() })
	g := Gate{Git: opened, State: store, Jobs: jobs, Settings: config.Defaults(), Env: os.Environ(), Actor: "tester"}
	for i, command := range commands {
		g.Settings.Checks = append(g.Settings.Checks, config.Check{Name: string(rune('a' + i)), Command: command})
	}
	return g, repo
}

func try(t *testing.T, g Gate, repo *gittest.Repo, rev string) Verdict {
	t.Helper()
	v, err := g.Try(t.Context(), repo.Git("rev-parse", rev), repo.Git("rev-parse", rev+"^{tree}"))
	require.NoError(t, err)
	return v
}

// What passed once is not run again, for that tree and these commands.
func TestTryRunsATreeOnce(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	g, repo := newGate(t, "cat file >> "+log, "test $WT_MCP_CHECK = b")
	repo.Write("file", "one\n")
	repo.Commit("one")
	require.True(t, try(t, g, repo, "HEAD").Passed)
	repo.Git("commit", "-q", "--allow-empty", "-m", "another commit of that tree")
	again := try(t, g, repo, "HEAD")
	require.True(t, again.Passed && again.Cached)
	repo.Write("file", "two\n")
	repo.Commit("two")
	require.False(t, try(t, g, repo, "HEAD").Cached)
	g.Settings.Checks[1].Command = "test -n other"
	require.False(t, try(t, g, repo, "HEAD").Cached, "other commands")
	ran, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\ntwo\n", string(ran))
}

// The first check that fails is the verdict, and is tried again the next time.
func TestTryFails(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	g, repo := newGate(t, "true", "seq 100000; echo ran >> "+log+"; echo it is broken; exit 7", "touch "+log+".never")
	for range 2 {
		v := try(t, g, repo, "HEAD")
		require.False(t, v.Passed)
		require.Equal(t, "b", v.Check)
		require.Equal(t, 7, v.ExitCode)
		require.True(t, strings.HasSuffix(v.Output, "100000\nit is broken\n"), v.Output)
		require.LessOrEqual(t, len(v.Output), shown)
		run, err := g.Jobs.Get(v.RunID)
		require.NoError(t, err)
		require.Equal(t, runner.Exited, run.Status)
	}
	ran, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "ran\nran\n", string(ran))
	require.NoFileExists(t, log+".never")
}

// A check that hangs runs out of time, and what it started ends with it.
func TestTryHasALimit(t *testing.T) {
	t.Parallel()
	g, repo := newGate(t, "sleep 1000 & sleep 1000")
	g.Settings.CheckTimeout = 300 * time.Millisecond
	v := try(t, g, repo, "HEAD")
	require.False(t, v.Passed)
	require.Equal(t, runner.TimedOut, v.Status)
}

// Who gives a landing up ends its check; the checkout is free then.
func TestTryIsGivenUp(t *testing.T) {
	t.Parallel()
	g, repo := newGate(t, "touch started; sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	g.Progress = func(message string) {
		if strings.HasPrefix(message, "check a") {
			cancel()
		}
	}
	_, err := g.Try(ctx, repo.Git("rev-parse", "HEAD"), repo.Git("rev-parse", "HEAD^{tree}"))
	require.ErrorIs(t, err, context.Canceled)
	g.Settings.Checks[0].Command, g.Progress = "test ! -e started", nil
	require.True(t, try(t, g, repo, "HEAD").Passed)
}

// Two at once have a checkout each, and both are remembered.
func TestTryAtOnce(t *testing.T) {
	t.Parallel()
	g, repo := newGate(t, "test ! -e here && touch here && sleep 0.2 && test -e mine")
	var commits [4]string
	for i := range commits {
		repo.Write("mine", strings.Repeat("x", i+1))
		commits[i] = repo.Commit("one")
	}
	trees := map[string]string{}
	for _, c := range commits {
		trees[c] = repo.Git("rev-parse", c+"^{tree}")
	}
	verdicts := make(chan bool)
	for _, c := range commits {
		go func() {
			v, err := g.Try(t.Context(), c, trees[c])
			verdicts <- err == nil && v.Passed
		}()
	}
	for range commits {
		require.True(t, <-verdicts)
	}
	for _, c := range commits {
		require.True(t, g.passed(trees[c]))
	}
}

func TestPassedFileMayBeBroken(t *testing.T) {
	t.Parallel()
	g, repo := newGate(t, "true")
	require.NoError(t, g.State.WriteCache(passedFile, []byte("{broken")))
	require.False(t, try(t, g, repo, "HEAD").Cached)
	require.True(t, try(t, g, repo, "HEAD").Cached)
}
