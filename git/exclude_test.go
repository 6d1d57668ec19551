package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExclude(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after string }{
		"no final newline": {"# comment\n*.log", "# comment\n*.log\n/.tasks/\n/.worktrees/\n"},
		"empty":            {"", "/.tasks/\n/.worktrees/\n"},
		"one is there":     {"/.worktrees/\nx \n\n", "/.worktrees/\nx \n\n/.tasks/\n"},
		"all are there":    {"/.worktrees/\r\n/.tasks/", "/.worktrees/\r\n/.tasks/"},
		"similar only":     {"#/.tasks/\n/.tasks/x\n\xff\n", "#/.tasks/\n/.tasks/x\n\xff\n/.tasks/\n/.worktrees/\n"},
		"byte order mark":  {"\xef\xbb\xbf/.tasks/\n", "\xef\xbb\xbf/.tasks/\n/.worktrees/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			g, r := newRepo(t)
			file := g.Write(".git/info/exclude", tc.before)
			require.NoError(t, os.Chmod(file, 0o600))
			for range 2 {
				require.NoError(t, r.Exclude("/.tasks/", "/.worktrees/", "/.tasks/"))
				content, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, tc.after, string(content))
			}
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			entries, err := os.ReadDir(filepath.Dir(file))
			require.NoError(t, err)
			require.Len(t, entries, 1, "no temporary file is left")
		})
	}
}

func TestExcludeMakesTheFile(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	require.NoError(t, os.RemoveAll(filepath.Join(g.Dir, ".git", "info")))
	require.NoError(t, r.Exclude("/.tasks/"))
	g.Write(".tasks/task_1.json", "{}")
	status, err := r.Status(t.Context(), g.Dir)
	require.NoError(t, err)
	require.Empty(t, status.Untracked)
}

func TestExcludeRefuses(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	for _, pattern := range []string{"", " ", "a\nb", "a\rb", "a\x00"} {
		require.ErrorIs(t, r.Exclude(pattern), ErrInvalidName)
	}
	file := filepath.Join(g.Dir, ".git", "info", "exclude")
	target := g.Write("../dotfiles/exclude", "theirs\n")
	require.NoError(t, os.RemoveAll(file))
	require.NoError(t, os.Symlink(target, file))
	require.ErrorContains(t, r.Exclude("/.tasks/"), "symbolic link")
	content, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "theirs\n", string(content))
}

func TestExcludeInParallel(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	second := mustOpen(t, g.Dir)
	const n = 16
	results := make(chan error, n)
	for i := range n {
		go func() {
			results <- []*Repo{r, second}[i%2].Exclude("/.tasks/", fmt.Sprintf("/own-%d/", i))
		}()
	}
	for range n {
		require.NoError(t, <-results)
	}
	content, err := os.ReadFile(filepath.Join(g.Dir, ".git", "info", "exclude"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(content), "/.tasks/\n"))
	for i := range n {
		require.Contains(t, string(content), fmt.Sprintf("\n/own-%d/\n", i))
	}
}
