package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func TestResolveCommit(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	first := g.Head()
	second := g.Commit("second")
	g.Git("tag", "-a", "-m", "x", "v1", first)
	g.Git("branch", "wt/ü", first)
	for rev, want := range map[string]string{"HEAD": second, "main": second, "HEAD~1": first, "v1": first, "refs/tags/v1": first, "wt/ü": first,
		second: second, second[:12]: second, "main@{1}": first, ":/initial": "", "HEAD^{/initial}": first} {
		got, err := r.ResolveCommit(t.Context(), rev)
		if want == "" {
			require.ErrorIs(t, err, ErrUnknownRevision, rev)
			continue
		}
		require.NoError(t, err, rev)
		require.Equal(t, want, got, rev)
	}
}

func TestResolveCommitRefuses(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	marker := filepath.Join(g.Dir, "written")
	invalid := []string{"", "-x", "--force", "--all", "--output=" + marker, "a\x00b", "a\nb", strings.Repeat("a", 1<<20)}
	for _, rev := range invalid {
		_, err := r.ResolveCommit(t.Context(), rev)
		require.ErrorIs(t, err, ErrInvalidName, "%.50q", rev)
	}
	unknown := []string{"HEAD..main", "^main", "main ^main", "HEAD^@", "HEAD^!", "HEAD:README.md", "HEAD^{tree}", "nope", "x.lock", "main@{99}",
		strings.Repeat("0", 40), "@{-1}", "main --not", "refs/heads/*", ":README.md", ":0:README.md"}
	for _, rev := range unknown {
		oid, err := r.ResolveCommit(t.Context(), rev)
		require.ErrorIs(t, err, ErrUnknownRevision, "%q gave %s", rev, oid)
	}
	require.NoFileExists(t, marker)
}

func TestResolveCommitUnborn(t *testing.T) {
	t.Parallel()
	_, r := newRepo(t, gittest.Empty())
	for _, rev := range []string{"HEAD", "@", "HEAD~1", "main", "refs/heads/main"} {
		_, err := r.ResolveCommit(t.Context(), rev)
		require.ErrorIs(t, err, ErrNoCommits, rev)
	}
	_, err := r.ResolveCommit(t.Context(), "other")
	require.ErrorIs(t, err, ErrUnknownRevision)
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Equal(t, "main", list[0].Branch)
	require.Empty(t, list[0].Head)
	status, err := r.Status(t.Context(), r.Root())
	require.NoError(t, err)
	require.Equal(t, Status{Branch: "main"}, status)
}

func TestBranchIsNoOtherRef(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("update-ref", "refs/tags/refs/heads/wt/a", "HEAD")
	g.Git("tag", "wt/b")
	g.Git("branch", "wt/c/d")
	for _, name := range []string{"wt/a", "wt/b", "wt/c", "wt"} {
		_, ok, err := r.Branch(t.Context(), name)
		require.NoError(t, err)
		require.False(t, ok, name)
	}
	oid, ok, err := r.Branch(t.Context(), "wt/c/d")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, g.Head(), oid)
	for _, name := range hostileNames() {
		_, _, err := r.Branch(t.Context(), name)
		require.ErrorIs(t, err, ErrInvalidName)
	}
}

func TestAheadBehind(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	g.CommitIn(a.Path, "one")
	g.CommitIn(a.Path, "two")
	g.Commit("other")
	for _, base := range []string{"main", g.Head()} {
		ahead, behind, err := r.AheadBehind(t.Context(), a.Path, base)
		require.NoError(t, err)
		require.Equal(t, [2]int{2, 1}, [2]int{ahead, behind})
	}
	_, _, err := r.AheadBehind(t.Context(), a.Path, "nope")
	require.ErrorIs(t, err, ErrUnknownRevision)
	_, _, err = r.AheadBehind(t.Context(), gittest.TempDir(t), "main")
	require.ErrorIs(t, err, ErrNotWorktree)
}

func TestUniqueCommits(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	g.CommitIn(a.Path, "one")
	oid := g.CommitIn(a.Path, "two")
	count := func(except ...string) int {
		n, err := r.UniqueCommits(t.Context(), oid, except...)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 0, count())
	require.Equal(t, 2, count("wt/a"))
	require.Equal(t, 0, count("wt")) // no prefix
	g.Git("tag", "keep", oid+"~1")
	require.Equal(t, 1, count("wt/a"))
	g.Git("replace", "--graft", oid) // pretends that oid has no parents
	g.Git("tag", "-d", "keep")
	require.Equal(t, 2, count("wt/a"))
	_, err := r.UniqueCommits(t.Context(), "--all")
	require.ErrorIs(t, err, ErrInvalidName)
	_, err = r.UniqueCommits(t.Context(), oid, "*")
	require.ErrorIs(t, err, ErrInvalidName)
}

func TestStrayFilesDoNotHideTheMainCheckout(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	require.NoError(t, os.MkdirAll(filepath.Join(r.CommonDir(), "worktrees", "half"), 0o777))
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Equal(t, g.Dir, list[0].Path)
}
