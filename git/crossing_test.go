package git

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// lanes makes worktrees of main, each changed by a function.
func lanes(t testing.TB, r *gittest.Repo, change ...func(dir string)) (paths []string) {
	t.Helper()
	for i, do := range change {
		dir := filepath.Join(gittest.TempDir(t), "lane")
		r.Git("worktree", "add", "-q", "-b", "lane"+string(rune('a'+i)), dir)
		do(dir)
		paths = append(paths, dir)
	}
	return paths
}

// cross looks at lanes, and compares them.
func cross(t testing.TB, repo *Repo, target string, verdicts map[string][]Clash, paths ...string) *Crossing {
	t.Helper()
	var all []Sighted
	for _, path := range paths {
		s, err := repo.Sight(context.Background(), path)
		require.NoError(t, err)
		all = append(all, Sighted{Sight: s, Target: target})
	}
	x, err := repo.Cross(context.Background(), all, verdicts)
	require.NoError(t, err)
	return x
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

const ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"

// TestCrossUncommitted has each kind of work that no commit has, in each of two lanes.
func TestCrossUncommitted(t *testing.T) {
	r := gittest.NewRepo(t)
	r.Write("f", ten)
	base := r.Commit("f")
	kinds := map[string]func(dir, name, content string){
		"committed": func(dir, name, content string) { write(t, dir, name, content); r.CommitIn(dir, "x") },
		"staged":    func(dir, name, content string) { write(t, dir, name, content); r.GitIn(dir, "add", name) },
		"unstaged":  func(dir, name, content string) { write(t, dir, name, content) },
		"only staged": func(dir, name, content string) {
			old, err := os.ReadFile(filepath.Join(dir, name))
			write(t, dir, name, content)
			r.GitIn(dir, "add", name)
			if err == nil {
				write(t, dir, name, string(old))
			} else {
				require.NoError(t, os.Remove(filepath.Join(dir, name)))
			}
		},
	}
	repo, err := Open(context.Background(), r.Dir)
	require.NoError(t, err)
	defer repo.Close()
	for kind, do := range kinds {
		t.Run(kind, func(t *testing.T) {
			defer r.Git("worktree", "prune")
			paths := lanes(t, r, func(dir string) { do(dir, "f", "1\n2\nA\n4\n5\n6\n7\n8\n9\n10\n"); do(dir, "new", "a\n") },
				func(dir string) { write(t, dir, "f", "1\n2\nB\n4\n5\n6\n7\n8\n9\n10\n"); write(t, dir, "new", "b\n") })
			x := cross(t, repo, base, nil, paths...)
			require.Equal(t, []Pair{{A: 0, B: 1, Clashes: []Clash{
				{Path: "f", Kind: "contents", Lines: [][2]int{{3, 3}}}, {Path: "new", Kind: "contents"}}}}, x.Pairs)
			require.Empty(t, x.Targets)
			require.Empty(t, x.Failed)
			for _, path := range paths {
				r.Git("worktree", "remove", "--force", path)
			}
			r.Git("branch", "-D", "lanea", "laneb")
		})
	}
}
