package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// kinds are the reasons in an error of CheckRemovable, in their order.
func kinds(err error) (found []error) {
	var refused *Refused
	if many, ok := errors.Unwrap(err).(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			if errors.As(one, &refused) {
				found = append(found, refused.Reason)
			}
		}
	} else if errors.As(err, &refused) {
		found = append(found, refused.Reason)
	}
	return found
}

func TestEveryObstacleIsNamed(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "vendor/\n")
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	g.Write(filepath.Join(a.Path, "f"), "x")
	g.CommitIn(a.Path, "held by a detached HEAD only")
	g.GitIn(a.Path, "bisect", "start")
	g.Write(filepath.Join(a.Path, "untracked"), "x")
	gittest.NewRepo(t, gittest.At(filepath.Join(a.Path, "vendor", "deep", "own")))
	g.Git("worktree", "lock", a.Path)
	require.Equal(t, []error{ErrLocked, ErrOperation, ErrDirty, ErrNested, ErrUnmerged},
		kinds(r.CheckRemovable(t.Context(), Remove{Path: a.Path})))
	require.NoError(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path, Force: true}))
}

// remote is a repository to clone, with two commits.
func remote(t *testing.T) *gittest.Repo {
	g := gittest.NewRepo(t)
	g.Write("f", "1")
	g.Commit("second")
	g.Git("tag", "v1")
	g.Git("config", "uploadpack.allowAnySHA1InWant", "true")
	return g
}

func TestNestedRepositories(t *testing.T) {
	t.Parallel()
	commit := func(t *testing.T, g *gittest.Repo, dir string) {
		g.Write(filepath.Join(dir, "own"), "x")
		g.CommitIn(dir, "own")
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, g *gittest.Repo, dir string)
		what   string
	}{
		"clean":            {func(*testing.T, *gittest.Repo, string) {}, ""},
		"older commit out": {func(_ *testing.T, g *gittest.Repo, dir string) { g.GitIn(dir, "checkout", "-q", "--detach", "HEAD~1") }, ""},
		"ignored of its own": {func(_ *testing.T, g *gittest.Repo, dir string) {
			g.Write(filepath.Join(dir, ".git/info/exclude"), "build\n")
			g.Write(filepath.Join(dir, "build"), "x")
		}, ""},
		"modified": {func(_ *testing.T, g *gittest.Repo, dir string) { g.Write(filepath.Join(dir, "f"), "changed") }, "1 changed or untracked"},
		"staged": {func(_ *testing.T, g *gittest.Repo, dir string) {
			g.Write(filepath.Join(dir, "f"), "c")
			g.GitIn(dir, "add", "f")
		}, "1 changed or untracked"},
		"untracked": {func(_ *testing.T, g *gittest.Repo, dir string) { g.Write(filepath.Join(dir, "new"), "x") }, "1 changed or untracked"},
		"committed": {commit, "1 commits that no remote has"},
		"pushed": {func(t *testing.T, g *gittest.Repo, dir string) {
			commit(t, g, dir)
			g.GitIn(dir, "push", "-q", "origin", "HEAD:refs/heads/topic")
		}, ""},
		"on another branch": {func(t *testing.T, g *gittest.Repo, dir string) {
			g.GitIn(dir, "checkout", "-q", "-b", "topic")
			commit(t, g, dir)
			g.GitIn(dir, "checkout", "-q", "main")
		}, "1 commits that no remote has"},
		"detached": {func(t *testing.T, g *gittest.Repo, dir string) {
			g.GitIn(dir, "checkout", "-q", "--detach")
			commit(t, g, dir)
		}, "1 commits that no remote has"},
		"stashed": {func(_ *testing.T, g *gittest.Repo, dir string) {
			g.Write(filepath.Join(dir, "f"), "changed")
			g.GitIn(dir, "stash", "-q")
		}, "2 commits that no remote has"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r, a := addOne(t)
			g.Write(".git/info/exclude", "vendor/\n")
			dir := filepath.Join(a.Path, "vendor", "x")
			g.Git("clone", "-q", remote(t).Dir, dir)
			c.change(t, g, dir)
			before := g.GitIn(dir, "status", "--porcelain=v2", "--branch", "--ignored")
			err := removed(r, t.Context(), Remove{Path: a.Path})
			if c.what == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrNested)
			require.ErrorContains(t, err, "vendor/x has "+c.what)
			require.Equal(t, before, g.GitIn(dir, "status", "--porcelain=v2", "--branch", "--ignored"))
		})
	}
}

// A clone of one commit has no branch of the remote; what it has came from there.
func TestShallowCloneOfATagIsClean(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "vendor/\n")
	origin := "file://" + remote(t).Dir
	g.Git("clone", "-q", "--depth=1", "--branch=v1", origin, filepath.Join(a.Path, "vendor", "tag"))
	g.Git("clone", "-q", "--single-branch", "--branch=v1", origin, filepath.Join(a.Path, "vendor", "deep"))
	g.Git("init", "-q", filepath.Join(a.Path, "vendor", "fetched"))
	g.GitIn(filepath.Join(a.Path, "vendor", "fetched"), "fetch", "-q", origin, "main")
	g.GitIn(filepath.Join(a.Path, "vendor", "fetched"), "checkout", "-q", "FETCH_HEAD")
	g.Write(filepath.Join(a.Path, "vendor", "fake", ".git"), "no pointer")
	require.NoError(t, os.MkdirAll(filepath.Join(a.Path, "vendor", "broken", ".git"), 0o755))
	require.NoError(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}))
}

func TestWorktreeWithinAWorktreeIsNested(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", ".worktrees/\n")
	g.GitIn(a.Path, "worktree", "add", "-q", ".worktrees/inner")
	err := r.CheckRemovable(t.Context(), Remove{Path: a.Path})
	require.Equal(t, []error{ErrNested}, kinds(err))
	require.ErrorContains(t, err, ".worktrees/inner is a worktree of "+g.Dir)
}

// What a nested repository's configuration and attributes name is not run.
func TestNestedRepositoryRunsNothing(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "vendor/\n")
	marker := filepath.Join(g.Dir, "ran")
	dir := filepath.Join(a.Path, "vendor", "evil")
	g.Git("clone", "-q", remote(t).Dir, dir)
	for _, key := range []string{"filter.x.clean", "filter.x.process", "core.fsmonitor", "core.sshCommand", "diff.external", "remote.origin.uploadpack"} {
		g.GitIn(dir, "config", key, "touch '"+marker+"'; cat")
	}
	g.GitIn(dir, "config", "extensions.partialClone", "origin")
	g.GitIn(dir, "config", "remote.origin.promisor", "true")
	g.Write(filepath.Join(dir, ".git/info/attributes"), "* filter=x\n")
	g.Write(filepath.Join(dir, ".gitattributes"), "* filter=x\n")
	g.Write(filepath.Join(dir, "f"), "2")
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/*/*"))
	require.NoError(t, err)
	for _, object := range packs { // objects that are missing would be fetched
		require.NoError(t, os.Remove(object))
	}
	require.ErrorIs(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}), ErrNested)
	require.NoFileExists(t, marker)
}

func TestSubmodules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(g *gittest.Repo, sub string)
		want   []error
	}{
		"clean":    {func(*gittest.Repo, string) {}, nil},
		"modified": {func(g *gittest.Repo, sub string) { g.Write(filepath.Join(sub, "f"), "changed") }, []error{ErrDirty, ErrSubmodules}},
		"committed on a branch": {func(g *gittest.Repo, sub string) {
			g.GitIn(sub, "checkout", "-q", "-b", "topic")
			g.Write(filepath.Join(sub, "own"), "x")
			g.CommitIn(sub, "own")
			g.GitIn(sub, "checkout", "-q", "--detach", "HEAD~1")
		}, []error{ErrSubmodules}},
		"committed, then without files": {func(g *gittest.Repo, sub string) {
			g.GitIn(sub, "checkout", "-q", "-b", "topic")
			g.Write(filepath.Join(sub, "own"), "x")
			g.CommitIn(sub, "own")
			g.GitIn(sub, "checkout", "-q", "--detach", "HEAD~1")
			g.GitIn(filepath.Dir(sub), "submodule", "--quiet", "deinit", "sub")
		}, []error{ErrSubmodules}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r := newRepo(t)
			g.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", remote(t).Dir, "sub")
			g.Commit("submodule")
			a := newAdd(g, "a")
			require.NoError(t, r.AddWorktree(t.Context(), a))
			g.GitIn(a.Path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
			c.change(g, filepath.Join(a.Path, "sub"))
			require.Equal(t, c.want, kinds(r.CheckRemovable(t.Context(), Remove{Path: a.Path})))
			trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
			if c.want != nil {
				require.ErrorIs(t, err, c.want[0])
				require.DirExists(t, a.Path)
				return
			}
			require.NoError(t, err)
			require.True(t, trash.Precious, "its git directory stays with it")
		})
	}
}

// What changes between the looks is noticed, and everything is put back.
func TestRemoveLooksAgainAfterTheRename(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "vendor/\n")
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	dir := filepath.Join(a.Path, "vendor", "x")
	g.Git("clone", "-q", remote(t).Dir, dir)
	rm := Remove{Path: a.Path, Op: "op"}
	scan, stop := startScan(t.Context(), a.Path)
	defer stop()
	l, err := r.checkRemovable(t.Context(), admin, rm, scan)
	require.NoError(t, err)
	taken, err := r.capture(t.Context(), rm.capture(), admin, a.Path, l, scan)
	require.NoError(t, err)
	g.Write(filepath.Join(dir, "late"), "x")
	trash, err := r.setAside(a.Path, "op")
	require.NoError(t, err)
	_, err = r.retire(t.Context(), rm, admin, trash, taken)
	require.ErrorIs(t, err, ErrNested)
	require.NoError(t, r.putBack(trash, a.Path))
	require.NoError(t, os.Remove(filepath.Join(dir, "late")))

	occupied := errors.New("somebody is in it")
	for _, force := range []bool{false, true} {
		_, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op2", Force: force, Last: func(files string) error {
			require.NoDirExists(t, a.Path)
			require.FileExists(t, filepath.Join(files, "README.md"))
			return occupied
		}})
		require.ErrorIs(t, err, occupied)
		require.FileExists(t, filepath.Join(a.Path, "README.md"))
		require.NoError(t, r.CheckWorktree(a.Path))
	}
}

func BenchmarkCheckRemovable(b *testing.B) {
	g, r, a := addOne(b)
	g.Write(".git/info/exclude", "node_modules/\n")
	for i := range 20_000 {
		g.Write(filepath.Join(a.Path, "node_modules", strings.Repeat("x", i%7+1), string(rune('a'+i%26)), string(rune('a'+i/26%26)), "f"+string(rune('a'+i/676))), "")
	}
	for b.Loop() {
		require.NoError(b, r.CheckRemovable(b.Context(), Remove{Path: a.Path}))
	}
}
