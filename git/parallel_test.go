package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// 16 at a time, on one repository, beside a user's own git: nothing fails and
// nothing is left.
func TestParallelAddAndRemove(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t, gittest.Files(20))
	second := mustOpen(t, g.Dir)
	require.NoError(t, r.Exclude("/.worktrees/"))
	const workers, rounds = 16, 3
	head := g.Head()
	results := make(chan error, workers)
	for w := range workers {
		repo := []*Repo{r, second}[w%2]
		go func() {
			var err error
			for i := range rounds {
				name := string(rune('a'+w)) + string(rune('0'+i))
				a := Add{Path: filepath.Join(g.Dir, ".worktrees", name), Branch: "wt/" + name, Commit: head, NewBranch: true, Op: "op-" + name}
				err = errors.Join(err, repo.AddWorktree(context.Background(), a))
				err = errors.Join(err, removed(repo, context.Background(), Remove{Path: a.Path}))
				err = errors.Join(err, repo.DeleteBranch(context.Background(), a.Branch, a.Commit))
			}
			results <- err
		}()
	}
	for i := range 10 {
		g.Commit("beside " + string(rune('0'+i)))
	}
	for range workers {
		require.NoError(t, <-results)
	}
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, g.Git("for-each-ref", "refs/heads/wt"))
}

// Two calls for one name: one wins, the other leaves the winner's work alone.
func TestParallelAddOfOneName(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	const n = 8
	head := g.Head()
	results := make(chan error, n)
	for i := range n {
		go func() {
			op := "op-" + string(rune('a'+i))
			path := filepath.Join(g.Dir, ".worktrees", op)
			results <- r.AddWorktree(context.Background(), Add{Path: path, Branch: "wt/one", Commit: head, NewBranch: true, Op: op})
		}()
	}
	won := 0
	for range n {
		if err := <-results; err == nil {
			won++
		} else {
			require.ErrorIs(t, err, ErrBranchExists)
		}
	}
	require.Equal(t, 1, won)
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	entries, err := os.ReadDir(filepath.Join(g.Dir, ".worktrees"))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
