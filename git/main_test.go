package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
	"wt-mcp/state/osfs/flock"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperDir) != "" {
		os.Exit(helper())
	}
	if os.Getenv(helperScratch) != "" {
		os.Exit(holdScratch())
	}
	if os.Getenv(helperMove) != "" {
		os.Exit(helpMove())
	}
	os.Exit(gittest.Main(m))
}

// newRepo gives a repository and our view of it.
func newRepo(t testing.TB, opts ...gittest.Option) (*gittest.Repo, *Repo) {
	t.Helper()
	g := gittest.NewRepo(t, opts...)
	return g, mustOpen(t, g.Dir)
}

func mustOpen(t testing.TB, dir string) *Repo {
	t.Helper()
	r, err := Open(t.Context(), dir, ApprovedBy(func(string, string) bool { return true })) // filters of tests are in the repository's configuration
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// newAdd asks for a new branch wt/<name> in .worktrees/<name>.
func newAdd(g *gittest.Repo, name string) Add {
	return Add{Path: filepath.Join(g.Dir, ".worktrees", name), Branch: "wt/" + name, Commit: g.Head(), NewBranch: true, Op: "op-" + name}
}

// requireNothing checks that an add left no trace.
func requireNothing(t *testing.T, r *Repo, a Add) {
	t.Helper()
	ctx := context.Background()
	require.NoDirExists(t, a.Path)
	_, ok, err := r.Branch(ctx, a.Branch)
	require.NoError(t, err)
	require.False(t, ok, "branch %s is left", a.Branch)
	requireUnregistered(t, r, a.Path)
	_, ok = r.marked(a.Op)
	require.False(t, ok, "an entry with the mark is left")
}

func requireUnregistered(t *testing.T, r *Repo, path string) {
	t.Helper()
	_, ok, err := r.registered(context.Background(), path)
	require.NoError(t, err)
	require.False(t, ok, "%s is still registered", path)
	trash, _ := os.ReadDir(filepath.Join(r.common, dirName, "trash"))
	require.Empty(t, trash)
}

// The test binary is also a server that adds one worktree, to be killed.
const (
	helperDir    = "WT_MCP_TEST_DIR"    // the repository
	helperBranch = "WT_MCP_TEST_COMMIT" // where the new branch starts
	helperLock   = "WT_MCP_TEST_LOCK"   // a file which git inherits with a flock on it

	helperScratch = "WT_MCP_TEST_SCRATCH" // makes a scratch directory and waits for the end
)

func helper() int {
	ctx := context.Background()
	r, err := Open(ctx, os.Getenv(helperDir), ApprovedBy(func(string, string) bool { return true }))
	if err == nil {
		var lock *os.File
		if lock, err = os.Create(os.Getenv(helperLock)); err == nil {
			if err = flock.TryLock(lock); err == nil {
				a := helperAdd(r.Root(), os.Getenv(helperBranch))
				a.Inherit = []*os.File{lock}
				err = r.AddWorktree(ctx, a)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// helperAdd is what the helper process asks for.
func helperAdd(root, commit string) Add {
	return Add{Path: filepath.Join(root, ".worktrees", "a"), Branch: "wt/a", Commit: commit, NewBranch: true, Op: "op-a"}
}

// holdScratch is the helper process that dies with a scratch directory.
func holdScratch() int {
	s, err := (&program{}).scratch()
	fmt.Println(s.Dir)
	if err == nil {
		time.Sleep(time.Minute)
	}
	return 1
}
