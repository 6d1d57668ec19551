package git

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// movable is a repository with a commit on main and one on lane that is to be main's.
type movable struct {
	*gittest.Repo
	t *testing.T
	r *Repo
	m Move
}

// newMovable changes, adds, deletes and turns into a directory what lane changes.
func newMovable(t *testing.T, opts ...gittest.Option) *movable {
	t.Helper()
	g := gittest.NewRepo(t, opts...)
	for _, name := range []string{"mod", "del", "other", "file", "dir/in", "sub/mod"} {
		g.Write(name, "old "+name+"\n")
	}
	old := g.Commit("old")
	g.Git("switch", "-q", "-c", "lane")
	g.Git("rm", "-q", "-r", "del", "file", "dir")
	for _, name := range []string{"mod", "add", "file/below", "dir", "sub/mod", "sub/deep/add"} {
		g.Write(name, "new "+name+"\n")
	}
	target := g.Commit("new")
	g.Git("switch", "-q", "main")
	return &movable{Repo: g, t: t, r: mustOpen(t, g.Dir), m: Move{Ref: "refs/heads/main", Old: old, New: target, Op: "op-1", Reason: "wt-mcp: land lane (op-1)"}}
}

// moved moves main, holding the lock.
func (v *movable) moved() (Moved, error) {
	v.t.Helper()
	lock, err := v.r.LockTarget(v.t.Context(), v.m.Ref, v.m.Op)
	require.NoError(v.t, err)
	defer lock.Unlock()
	m := v.m
	m.Inherit = []*os.File{lock.File}
	return v.r.Move(v.t.Context(), m)
}

// requireClean checks that branch, index and files are those of a commit, but for what
// is named, and that nothing of the move is left.
func (v *movable) requireAt(commit string, status string) {
	v.t.Helper()
	require.Equal(v.t, commit, v.Git("rev-parse", "main"))
	require.Equal(v.t, status, v.Git("status", "--porcelain"))
	v.requireSwept()
}

func (v *movable) requireSwept() {
	v.t.Helper()
	for _, pattern := range []string{"index.lock*", "wt-mcp-*", "*.lock", "refs/heads/*.lock"} {
		left, err := filepath.Glob(filepath.Join(v.Dir, ".git", pattern))
		require.NoError(v.t, err)
		require.Empty(v.t, left)
	}
}

// Invariant 13: a checked-out branch moves with its files and index.
func TestMoveTakesTheCheckoutAlong(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.Write("other", "the user's\n")
	v.Write("untracked", "the user's\n")
	v.Write("staged", "the user's\n")
	v.Git("add", "staged")
	out, err := v.moved()
	require.NoError(t, err)
	require.Equal(t, Moved{Checkout: v.Dir, Files: 9}, out)
	v.requireAt(v.m.New, " M other\nA  staged\n?? untracked")
	require.Contains(t, v.Git("reflog", "-1", "main"), "land lane (op-1)")
	require.Contains(t, v.Git("reflog", "-1", "HEAD"), "land lane (op-1)")
}

// A branch that is checked out nowhere moves by itself.
func TestMoveWithoutCheckout(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.Git("switch", "-q", "--detach")
	before := gittest.Tree(t, filepath.Join(v.Dir, "sub"))
	out, err := v.moved()
	require.NoError(t, err)
	require.Empty(t, out.Checkout)
	require.Equal(t, v.m.New, v.Git("rev-parse", "main"))
	require.Equal(t, before, gittest.Tree(t, filepath.Join(v.Dir, "sub")), "nothing else has moved")
	v.m.New = v.Git("commit-tree", "-p", v.m.Old, "-m", "other", v.m.Old+"^{tree}")
	_, err = v.moved()
	require.ErrorIs(t, err, ErrBranchMoved)
	require.Empty(t, v.Git("status", "--porcelain"))
}

func fixedTime() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }
