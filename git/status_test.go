package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Write("gone", "x")
	g.Write("old name", strings.Repeat("content\n", 50))
	head := g.Commit("files")
	g.Git("config", "remote.origin.url", g.Dir)
	g.Git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
	g.Git("fetch", "-q", "origin")
	g.Git("branch", "-q", "--set-upstream-to=origin/main")
	g.Write("README.md", "staged\n")
	g.Git("add", "README.md")
	g.Write("README.md", "and modified\n")
	g.Git("mv", "old name", "new\nname")
	require.NoError(t, os.Remove(filepath.Join(g.Dir, "gone")))
	g.Write("dir ü/a", "x")
	g.Write("dir ü/b", "x")
	g.Write("-x", "x")
	status, err := r.Status(t.Context(), g.Dir)
	require.NoError(t, err)
	require.Equal(t, Status{Branch: "main", Head: head, Upstream: "origin/main",
		Staged: []string{"README.md", "new\nname", "old name"}, Modified: []string{"README.md", "gone"},
		Untracked: []string{"-x", "dir ü/"}}, status)
	require.Equal(t, []string{"README.md", "new\nname", "old name", "gone", "-x", "dir ü/"}, status.Changed())

	text, err := r.ShortStatus(t.Context(), g.Dir)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "## main...origin/main\n"), text)
	require.Contains(t, text, "MM README.md\n")
}

func TestStatusOfConflictAndDetachedHead(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(filepath.Join(a.Path, "README.md"), "ours\n")
	g.CommitIn(a.Path, "ours")
	g.Write("README.md", "theirs\n")
	g.Commit("theirs")
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	_, err := g.Try("-C", a.Path, "merge", "main")
	require.Error(t, err)
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Equal(t, []string{"README.md"}, status.Conflicted)
	require.Empty(t, status.Branch)
}

func TestStatusTakesNoLockAndWritesNothing(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	g.Write(filepath.Join(admin, "index.lock"), "")
	index, err := os.ReadFile(filepath.Join(admin, "index"))
	require.NoError(t, err)
	g.Write(filepath.Join(a.Path, "README.md"), "readme\n") // same content, other times
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Empty(t, status.Changed())
	after, err := os.ReadFile(filepath.Join(admin, "index"))
	require.NoError(t, err)
	require.Equal(t, index, after)
}

func TestShortStatusIsBoundedPlainText(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("config", "color.ui", "always")
	g.Git("config", "color.status", "always")
	g.Git("config", "core.quotePath", "false")
	g.Git("config", "column.ui", "always")
	for i := range 700 {
		g.Write(strings.Repeat("x", 20)+string(rune('a'+i%26))+strings.Repeat("y", i/26), "")
	}
	text, err := r.ShortStatus(t.Context(), g.Dir)
	require.NoError(t, err)
	require.LessOrEqual(t, len(text), 17<<10)
	require.NotContains(t, text, "\x1b")
	require.Regexp(t, `\n\.\.\. and \d+ more lines\n$`, text)
	require.True(t, utf8.ValidString(text))
}

func TestOperation(t *testing.T) {
	t.Parallel()
	conflict := func(args ...string) func(t *testing.T, g *gittest.Repo, path string) {
		return func(t *testing.T, g *gittest.Repo, path string) {
			_, err := g.Try(append([]string{"-C", path}, args...)...)
			require.Error(t, err)
		}
	}
	for want, start := range map[string]func(t *testing.T, g *gittest.Repo, path string){
		"":            func(*testing.T, *gittest.Repo, string) {},
		"merge":       conflict("merge", "main"),
		"rebase":      conflict("rebase", "main"),
		"cherry-pick": conflict("cherry-pick", "main"),
		"revert":      conflict("revert", "--no-edit", "HEAD~1"),
		"bisect":      func(_ *testing.T, g *gittest.Repo, path string) { g.GitIn(path, "bisect", "start") },
		"am": func(t *testing.T, g *gittest.Repo, path string) {
			conflict("am", "-q", g.Write("../patch", g.Git("format-patch", "-1", "--stdout", "main")))(t, g, path)
		},
	} {
		t.Run("op "+want, func(t *testing.T) {
			t.Parallel()
			g, r, a := addOne(t)
			for _, text := range []string{"one\n", "two\n"} {
				g.Write(filepath.Join(a.Path, "README.md"), text)
				g.CommitIn(a.Path, text)
			}
			g.Write("README.md", "theirs\n")
			g.Commit("theirs")
			start(t, g, a.Path)
			op, err := r.Operation(t.Context(), a.Path)
			require.NoError(t, err)
			require.Equal(t, want, op)
			main, err := r.Operation(t.Context(), g.Dir)
			require.NoError(t, err)
			require.Empty(t, main)
		})
	}
}
