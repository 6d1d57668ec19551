package git

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// newChanged gives a worktree of a repository in which everything that a diff can tell has
// happened since its base.
func newChanged(t testing.TB) (g *gittest.Repo, r *Repo, a Add) {
	t.Helper()
	g, r = newRepo(t)
	for name, text := range map[string]string{"long": strings.Repeat("line\n", 30), "gone": "gone\n", "d/1": "1\n", "type": "file\n", "run.sh": "run\n", "crlf": "a\r\nb\r\n"} {
		g.Write(name, text)
	}
	g.Commit("files")
	a = newAdd(g, "lane")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	lane := func(args ...string) { g.Git(append([]string{"-C", a.Path}, args...)...) }
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(a.Path, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(a.Path, name), []byte(text), 0o644))
	}
	lane("mv", "long", "longer")
	lane("commit", "-q", "-m", "moved")
	write("longer", strings.Repeat("line\n", 31))
	write("staged", "staged\n")
	lane("add", "staged", "longer")
	write("staged", "staged\nand more\n")
	require.NoError(t, os.Remove(filepath.Join(a.Path, "gone")))
	require.NoError(t, os.Remove(filepath.Join(a.Path, "type")))
	require.NoError(t, os.Symlink("longer", filepath.Join(a.Path, "type")))
	require.NoError(t, os.RemoveAll(filepath.Join(a.Path, "d")))
	write("d", "a file in place of a directory\n")
	require.NoError(t, os.Chmod(filepath.Join(a.Path, "run.sh"), 0o755))
	for name, text := range map[string]string{"new": "no end", "empty": "", "bin": "a\x00b", "sub/deep": "1\n2\n", "with space": " \n", "tab\tquote\"\n": "odd\n", "one": "1\n"} {
		write(name, text)
	}
	require.NoError(t, os.Chmod(filepath.Join(a.Path, "one"), 0o755))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(a.Path, "link")))
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(a.Path, "crlf"), later, later)) // touched, and as it was
	return g, r, a
}

// What git applies of the patch to the base is what lies in the worktree, binary files
// apart: each change is told, whatever it is.
func TestPatchIsWholeChange(t *testing.T) {
	g, r, a := newChanged(t)
	require.NoError(t, os.Remove(filepath.Join(a.Path, "bin")))
	var patch bytes.Buffer
	require.NoError(t, r.Patch(t.Context(), Comparing{Path: a.Path, Part: All, Base: a.Commit}, &patch))
	other := newAdd(g, "other")
	require.NoError(t, r.AddWorktree(t.Context(), other))
	file := filepath.Join(gittest.TempDir(t), "patch")
	require.NoError(t, os.WriteFile(file, patch.Bytes(), 0o600))
	g.Git("-C", other.Path, "apply", "--whitespace=nowarn", file)
	trees := map[string]string{}
	for _, path := range []string{a.Path, other.Path} {
		g.Git("-C", path, "add", "-A")
		trees[path] = g.Git("-C", path, "write-tree")
	}
	require.Equal(t, trees[a.Path], trees[other.Path])
}

// The numbers are those of git diff --numstat for everything that is staged.
func TestDiffCountsAsGitDoes(t *testing.T) {
	g, r, a := newChanged(t)
	d, err := r.Diff(t.Context(), Comparing{Path: a.Path, Part: All, Base: a.Commit})
	require.NoError(t, err)
	require.Empty(t, d.Unseen)
	ours := map[string][3]any{}
	for _, c := range d.Changes {
		ours[c.Path] = [3]any{c.Insertions, c.Deletions, c.Binary}
		require.NotEqual(t, "crlf", c.Path, "it was only touched")
	}
	g.Git("-C", a.Path, "add", "-A")
	out := g.Git("-C", a.Path, "diff", "--cached", "--no-renames", "--raw", "--numstat", "-z", "--no-abbrev", a.Commit)
	list, err := parseRaw([]byte(out))
	require.NoError(t, err)
	theirs := map[string][3]any{}
	for _, c := range list {
		theirs[c.Path] = [3]any{c.Insertions, c.Deletions, c.Binary}
	}
	delete(theirs, "long") // git finds renames only among what it knows
	delete(theirs, "longer")
	delete(ours, "longer")
	require.Equal(t, theirs, ours)
}

// Invariant 11: not a byte of index, objects, refs or files changes, not even their times.
func TestDiffChangesNothing(t *testing.T) {
	g, r, a := newChanged(t)
	g.Git("config", "filter.own.clean", "touch "+filepath.Join(g.Dir, "ran")+"; cat")
	g.Git("config", "filter.own.required", "true")
	g.Write(".git/info/attributes", "* filter=own\n")
	before := bytesOf(t, g.Dir)
	for _, part := range []Part{Committed, Staged, Unstaged, Untracked, All} {
		ask := Comparing{Path: a.Path, Part: part, Base: a.Commit}
		d, err := r.Diff(t.Context(), ask)
		require.NoError(t, err)
		require.NotEmpty(t, d.Changes, part)
		require.NoError(t, r.Patch(t.Context(), ask, &bytes.Buffer{}))
		require.Equal(t, part == Committed || part == Staged, len(d.Filtered) == 0, "%s", part)
	}
	after := bytesOf(t, g.Dir)
	for path, was := range before {
		require.Equal(t, was, after[path], path)
	}
	require.Len(t, after, len(before))
}

// bytesOf is name, size, time and mode of all files below a directory, but ours.
func bytesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.IsDir() && path == filepath.Join(dir, ".git", dirName) {
			return filepath.SkipDir
		}
		if err == nil {
			all[path] = info.ModTime().String() + info.Mode().String()
			if info.Mode().IsRegular() {
				data, err := os.ReadFile(path)
				all[path] += string(data)
				return err
			}
		}
		return err
	}))
	return all
}

// Invariant 12: what could not be looked at is named, and so is what git overlooks.
func TestDiffNamesWhatItDidNotSee(t *testing.T) {
	g, r, a := newChanged(t)
	g.Git("-C", a.Path, "update-index", "--assume-unchanged", "README.md")
	require.NoError(t, os.WriteFile(filepath.Join(a.Path, "README.md"), []byte("hidden\n"), 0o644))
	g.Git("init", "-q", filepath.Join(a.Path, "nested"))
	g.Git("-C", filepath.Join(a.Path, "nested"), "commit", "-q", "--allow-empty", "-m", "x")
	require.NoError(t, os.Truncate(filepath.Join(a.Path, "new"), maxCounted+1))
	d, err := r.Diff(t.Context(), Comparing{Path: a.Path, Part: All, Base: a.Commit})
	require.NoError(t, err)
	notes := strings.Join(d.Unseen, "\n")
	require.Contains(t, notes, "README.md is changed, and the index tells git to overlook it")
	require.Contains(t, notes, "nested is a repository of its own")
	require.Contains(t, notes, "new is untracked, its 16777217 bytes were not counted")
}

// A lane of a repository without commits.
func TestDiffBeforeTheFirstCommit(t *testing.T) {
	g, r := newRepo(t, gittest.Empty())
	g.Write("a", "1\n")
	g.Write("b", "1\n")
	g.Git("add", "a")
	for part, want := range map[Part]int{All: 2, Staged: 1, Unstaged: 0, Committed: 0, Untracked: 1} {
		d, err := r.Diff(t.Context(), Comparing{Path: g.Dir, Part: part})
		require.NoError(t, err)
		require.Len(t, d.Changes, want, part)
	}
}

// No output of git's, and nothing that is like it, is read wrongly in silence or panics.
func FuzzParseRaw(f *testing.F) {
	oid := strings.Repeat("a", 40)
	f.Add(":100644 100755 " + oid + " " + oid + " M\x00a\x001\t2\ta\x00")
	f.Add(":100644 100644 " + oid + " " + oid + " R086\x00a\nb\x00:c\x00-\t-\t\x00a\nb\x00:c\x00")
	f.Add(":000000 160000 " + oid + " " + oid + " A\x00\t\x00")
	f.Fuzz(func(t *testing.T, out string) {
		list, err := parseRaw([]byte(out))
		if err != nil {
			return
		}
		for _, c := range list {
			require.NotEmpty(t, c.Path)
			require.True(t, isMode(c.Mode) && isMode(c.OldMode))
			require.Equal(t, c.Kind == 'R' || c.Kind == 'C', c.From != "")
		}
	})
}
