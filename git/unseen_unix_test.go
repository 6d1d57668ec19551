//go:build unix

package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// hideWork makes work in a worktree that a plain git status does not tell of.
func hideWork(t *testing.T) map[string]func(g *gittest.Repo, path string) {
	return map[string]func(g *gittest.Repo, path string){
		"a path that is too long": func(g *gittest.Repo, path string) { gittest.WriteDeep(t, path, "work", "only copy\n") },
		"a path that is too long, ignored": func(g *gittest.Repo, path string) {
			g.Write(".git/info/exclude", "ddd*\n!work\n")
			root, err := os.OpenRoot(path)
			require.NoError(t, err)
			defer root.Close()
			deep := gittest.WriteDeep(t, path, "x", "")
			require.NoError(t, root.MkdirAll(filepath.Join(filepath.Dir(deep), ".git"), 0o777))
			require.NoError(t, root.WriteFile(filepath.Join(filepath.Dir(deep), ".git", "work"), []byte("only copy\n"), 0o666))
		},
		"assume-unchanged": func(g *gittest.Repo, path string) {
			g.GitIn(path, "update-index", "--assume-unchanged", "README.md")
			g.Write(filepath.Join(path, "README.md"), "only copy\n")
		},
		"assume-unchanged and gone": func(g *gittest.Repo, path string) {
			g.GitIn(path, "update-index", "--assume-unchanged", "README.md")
			require.NoError(t, os.Remove(filepath.Join(path, "README.md")))
		},
		"skip-worktree": func(g *gittest.Repo, path string) {
			g.GitIn(path, "update-index", "--skip-worktree", "README.md")
			g.Write(filepath.Join(path, "README.md"), "only copy\n")
		},
		"the directory of a submodule that is not checked out": func(g *gittest.Repo, path string) {
			g.GitIn(path, "update-index", "--add", "--cacheinfo", "160000,"+g.Head()+",sub")
			g.GitIn(path, "commit", "-q", "-m", "sub")
			g.Write(filepath.Join(path, "sub", "work"), "only copy\n")
		},
		"a .git that is no repository": func(g *gittest.Repo, path string) {
			g.Write(filepath.Join(path, "new", ".git", "work"), "only copy\n")
		},
		"a repository in a tracked directory": func(g *gittest.Repo, path string) {
			g.Write(filepath.Join(path, "src", "f"), "f\n")
			g.CommitIn(path, "src")
			gittest.NewRepo(t, gittest.At(filepath.Join(path, "src")))
			g.GitIn(filepath.Join(path, "src"), "checkout", "-q", "--", ".")
			require.NoError(t, os.Remove(filepath.Join(path, "src", "README.md")))
		},
	}
}

// Invariant 12: what git does not tell of is not clean, and nothing of it goes
// without force; with force it is in the trash and comes back.
func TestInvariant12WhatIsNotSeenIsNotClean(t *testing.T) {
	t.Parallel()
	for name, hide := range hideWork(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r, a := addOne(t)
			hide(g, a.Path)
			before := everything(t, a.Path)
			require.Error(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}))
			_, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
			_, whole := Refusals(err)
			require.True(t, whole, "%v", err)
			require.Equal(t, before, everything(t, a.Path))

			trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op2", Force: true})
			require.NoError(t, err)
			require.True(t, trash.Precious)
			require.False(t, trash.Snapshot.Plain)
			_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op2", Path: a.Path, Op: "op3"})
			require.NoError(t, err)
			require.Equal(t, before, everything(t, a.Path))
			trash, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op4", Force: true})
			require.NoError(t, err)
			require.NoError(t, r.EmptyTrash(t.Context(), trash), "it can be deleted in the end")
			require.NoDirExists(t, trash.Dir)
		})
	}
}

// A skip-worktree file that is not there is what a sparse checkout is made of.
func TestSparseCheckoutIsClean(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t, gittest.Files(150))
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	g.GitIn(a.Path, "sparse-checkout", "set", "dir001")
	require.NoDirExists(t, filepath.Join(a.Path, "dir000"))
	require.NoError(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}))
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.True(t, status.Clean())
	g.GitIn(a.Path, "config", "sparse.expectFilesOutsideOfPatterns", "true")
	g.Write(filepath.Join(a.Path, "dir000", "file00001.txt"), "work\n")
	status, err = r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Equal(t, []string{"dir000/file00001.txt"}, status.Modified)
}

// everything is all that lies below a directory, however deep, with its content.
func everything(t testing.TB, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	var read func(root *os.Root, path string)
	read = func(root *os.Root, path string) {
		file, err := root.Open(".")
		require.NoError(t, err)
		defer file.Close()
		names, err := file.Readdirnames(-1)
		require.NoError(t, err)
		for _, name := range names {
			info, err := root.Lstat(name)
			require.NoError(t, err)
			at := strings.TrimPrefix(path+"/"+name, "/")
			seen[at] = info.Mode().String()
			switch {
			case info.IsDir():
				below, err := root.OpenRoot(name)
				require.NoError(t, err)
				read(below, at)
				below.Close()
			case info.Mode().IsRegular():
				content, err := root.ReadFile(name)
				require.NoError(t, err)
				seen[at] += " " + string(content)
			}
		}
	}
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	read(root, "")
	return seen
}
