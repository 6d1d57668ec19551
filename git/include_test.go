package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIgnoredMatching(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	write := func(name, content string) {
		path := filepath.Join(g.Dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	write(".gitignore", "mods/\n*.env\nout/*\n!out/kept\n/big/\nclone/\n")
	for _, name := range []string{"mods/a/i.js", "mods/t.js", "x.env", "prod.env", "sub/y.env", "sub/notes", "out/a", "out/kept", "big/one/f", "big/two/f", "free", ".worktrees/w/x.env", ".tasks/x.env", "clone/.git/HEAD", "clone/f"} {
		write(name, "x")
	}
	write("tracked.env", "x")
	g.Git("add", "-f", "tracked.env", ".gitignore")
	patterns := filepath.Join(g.Dir, "patterns")
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"nothing\n", nil},
		{"mods/\n", []string{"mods/"}},
		{"*.env\n!prod.env\n", []string{"sub/y.env", "x.env"}},
		{"mods/*\n!mods/a/\n", []string{"mods/t.js"}},
		{"t.js\n", []string{"mods/t.js"}},
		{"/big/two/\n", []string{"big/two/"}},
		{"sub/\nfree\nout/\n", []string{"out/a", "sub/y.env"}},
		{"mods/a/i.js\nmods/\n", []string{"mods/"}},
		{"*\n", []string{"big/", "mods/", "out/a", "prod.env", "sub/y.env", "x.env"}},
		{"clone/f\n.git\n.worktrees/\n.tasks/\nx.env\n", []string{"x.env"}},
	} {
		require.NoError(t, os.WriteFile(patterns, []byte(c.text), 0o644))
		got, err := r.IgnoredMatching(t.Context(), patterns)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.text)
	}
	got, err := r.IgnoredMatching(t.Context(), filepath.Join(g.Dir, "absent"))
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = r.IgnoredMatching(t.Context(), os.DevNull)
	require.ErrorContains(t, err, "no regular file")
}

func TestRemoteBranch(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	head := g.Head()
	g.Git("remote", "add", "team/fork", "elsewhere")
	g.Git("remote", "add", "origin", "elsewhere")
	for _, ref := range []string{"origin/x", "origin/deep/x", "team/fork/x", "gone/y"} {
		g.Git("update-ref", "refs/remotes/"+ref, head)
	}
	g.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/x")
	for name, want := range map[string]string{"origin/x": "x", "origin/deep/x": "deep/x", "team/fork/x": "x", "gone/y": "y",
		"origin/HEAD": "", "origin/no": "", "x": "", "origin": ""} {
		branch, oid, ok, err := r.RemoteBranch(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, want != "", ok, name)
		if ok {
			require.Equal(t, want, branch)
			require.Equal(t, head, oid)
		}
	}
	_, _, _, err := r.RemoteBranch(t.Context(), "--all")
	require.ErrorIs(t, err, ErrInvalidName)
	next := g.Commit("next")
	n, err := r.Lacks(t.Context(), head, next)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = r.Lacks(t.Context(), next, head)
	require.NoError(t, err)
	require.Zero(t, n)
}

// A worktree that git takes for another one is not handed out.
func TestAddNoticesAForeignTop(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("config", "extensions.worktreeConfig", "true")
	a := Add{Path: filepath.Join(g.Dir, ".worktrees", "lane"), Branch: "wt/lane", Commit: g.Head(), NewBranch: true, Op: "op-1"}
	require.NoError(t, r.AddWorktree(t.Context(), a))
	g.Git("config", "--file", filepath.Join(g.Dir, ".git", "worktrees", "lane", "config.worktree"), "core.worktree", g.Dir)
	err := r.FinishAdd(t.Context(), a)
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "top directory")
}
