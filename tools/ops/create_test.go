package ops

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/afero"
	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/state/files"
	"wt-mcp/tools/include"
	"wt-mcp/tools/rules"
)

func newOps(t *testing.T) (Ops, *gittest.Repo) {
	t.Helper()
	repo := gittest.NewRepo(t)
	opened, err := git.Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	store := files.Open(files.Config{FS: afero.NewOsFs(), Root: opened.Root(), Private: filepath.Join(opened.CommonDir(), "wt-mcp"), NoSync: true})
	t.Cleanup(store.Close)
	return Ops{State: store, Git: opened, Log: slog.New(slog.DiscardHandler), Change: store.Update,
		Rules: rules.Rules{Actor: "tester", Held: &rules.Held{}, Run: func(string) (bool, float64) { return false, 0 }},
		Include: func(ctx context.Context, path string) *include.Result {
			paths, err := opened.IgnoredMatching(ctx, filepath.Join(opened.Root(), ".worktreeinclude"))
			if err != nil {
				return &include.Result{Errors: []string{err.Error()}}
			}
			r := include.Copy(ctx, opened.Root(), path, paths, func(include.Result) {})
			return &r
		},
		Limit: func() int64 { return 1 << 30 }, Recovered: func(context.Context, state.Worktree) {}, Removed: func(git.Trash) {}}, repo
}

// A copy that a recovery has no time to finish is left to the next one.
func TestRecoveryGoesOnWhereItsTimeEnded(t *testing.T) {
	o, repo := newOps(t)
	repo.Write(".gitignore", "cache/\n")
	repo.Write(".worktreeinclude", "cache/\n")
	repo.Commit("include")
	repo.Write("cache/one", "1\n")
	op, in := deadCreation(t, o)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	require.Equal(t, state.Busy, state.CodeOf(o.goOn(late, op, in)), "no time is left")
	op.Close()
	require.NoError(t, o.Recover(t.Context()))
	require.FileExists(t, filepath.Join(in.Path, "cache/one"))
	require.NoFileExists(t, filepath.Join(o.Git.CommonDir(), "worktrees/lane/locked"))
}

// deadCreation is one that died when the files were checked out.
func deadCreation(t *testing.T, o Ops) (*state.Operation, state.Intent) {
	t.Helper()
	head, err := o.Git.ResolveCommit(t.Context(), "HEAD")
	require.NoError(t, err)
	c := &creation{Ops: o, Create: Create{NewBranch: true, Worktree: state.Worktree{Name: "lane", Path: filepath.Join(o.Git.Root(), ".worktrees/lane"),
		Branch: BranchOf("lane"), BaseRef: "HEAD", BaseCommit: head}}}
	op, err := o.State.NewOperation()
	require.NoError(t, err)
	require.NoError(t, o.announce(t.Context(), op, c))
	require.NoError(t, o.Git.AddWorktree(t.Context(), c.add(op, nil)))
	locked := filepath.Join(o.Git.CommonDir(), "worktrees", "lane", "locked")
	require.NoError(t, os.WriteFile(locked, []byte(git.LockReason(c.ID)), 0o644)) // as it was before the end
	return op, c.Intent
}
