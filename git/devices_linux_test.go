package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"wt-mcp/git/gittest"
	"wt-mcp/state/osfs"
)

// otherDevice gives a directory on another file system than the tests' own.
func otherDevice(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wt-mcp-test-*")
	if err != nil {
		t.Skip("no other file system: ", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if osfs.SameDevice(dir, gittest.TempDir(t)) {
		t.Skip("/dev/shm is on the file system of the temporary directory")
	}
	return dir
}

// farLane is a worktree on another file system than its git directory.
func farLane(t *testing.T) (g *gittest.Repo, r *Repo, path string) {
	t.Helper()
	far := otherDevice(t)
	g, r = newRepo(t)
	path = filepath.Join(far, "lane")
	g.Git("worktree", "add", "-q", "-b", "lane", path)
	return g, r, path
}

// requireNothingLeft checks that neither side has any trash, and no snapshot is kept.
func requireNothingLeft(t *testing.T, g *gittest.Repo, path string) {
	t.Helper()
	trash, _ := os.ReadDir(filepath.Join(g.Dir, ".git", dirName, "trash"))
	require.Empty(t, trash)
	require.NoDirExists(t, filepath.Join(filepath.Dir(path), besideDir))
	require.Empty(t, g.Git("for-each-ref", snapshotRefs))
}

func TestRemoveOnAnotherFileSystem(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	time.Sleep(50 * time.Millisecond)
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op1"})
	require.NoError(t, err)
	require.False(t, trash.Precious)
	requireUnlisted(t, r, path)
	require.NoDirExists(t, path)
	require.NoError(t, r.EmptyTrash(t.Context(), trash))
	require.NoError(t, r.DropSnapshots(t.Context(), time.Now().Add(time.Hour)))
	requireNothingLeft(t, g, path)
}

// A try that fails leaves no ref, no trash and no lock, on either side.
func TestFailedRemoveLeavesNothing(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	near := newAdd(g, "near")
	require.NoError(t, r.AddWorktree(t.Context(), near))
	occupied := errors.New("somebody is in it")
	for _, path := range []string{path, near.Path} {
		g.Write(filepath.Join(path, "new"), "new\n")
		before := everything(t, path)
		_, err := r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op1", Force: true, Last: func(string) error { return occupied }})
		require.ErrorIs(t, err, occupied)
		require.Equal(t, before, everything(t, path))
		require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")
		requireNothingLeft(t, g, path)
	}
}

// furnish puts one of everything into a worktree.
func furnish(t *testing.T, g *gittest.Repo, path string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(path, name) }
	g.Write(".git/info/exclude", "ignored*\n")
	g.Write(at("README.md"), "changed\n")
	g.Write(at("ignored"), "ignored\n")
	g.Write(at("ignored-dir/script"), "#!/bin/sh\n")
	require.NoError(t, os.Chmod(at("ignored-dir/script"), 0o751))
	gittest.WriteDeep(t, path, "deep", "deep\n")
	require.NoError(t, os.Link(at("ignored"), at("ignored-too")))
	require.NoError(t, os.Symlink("nowhere", at("link")))
	require.NoError(t, unix.Mkfifo(at("pipe"), 0o640))
	require.NoError(t, os.WriteFile(at("ignored-sparse"), []byte("begin"), 0o600))
	require.NoError(t, os.Truncate(at("ignored-sparse"), 64<<20))
	require.NoError(t, os.Mkdir(at("ignored-closed"), 0o700))
	g.Write(at("ignored-closed/file"), "closed\n")
	require.NoError(t, os.Chmod(at("ignored-closed"), 0o500))
	past := time.Now().Add(-24 * time.Hour).Truncate(time.Millisecond)
	for _, name := range []string{"README.md", "ignored", "ignored-dir"} {
		require.NoError(t, os.Chtimes(at(name), past, past))
	}
}

// picture is everything, with times and names of one file; a sparse file counts with
// what it takes.
func picture(t *testing.T, path string) map[string]string {
	t.Helper()
	seen := everything(t, path)
	delete(seen, ".git")
	for name := range seen {
		if strings.HasPrefix(name, "ddd") {
			continue
		}
		var stat unix.Stat_t
		require.NoError(t, unix.Lstat(filepath.Join(path, name), &stat))
		seen[name] += " " + time.Unix(stat.Mtim.Unix()).String()
		if name == "ignored-sparse" {
			require.Less(t, stat.Blocks, int64(1000), "it is sparse no more")
		}
		if name == "ignored" || name == "ignored-too" {
			require.EqualValues(t, 2, stat.Nlink)
		}
	}
	return seen
}

// Invariant 7, where a worktree and its git directory are on different file systems:
// it comes back with everything, to where it was by a rename and to elsewhere as a
// copy, and nothing is left of it in the end.
func TestInvariant7AcrossFileSystems(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	furnish(t, g, path)
	before := picture(t, path)
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op1", Force: true})
	require.NoError(t, err)
	require.True(t, trash.Precious)
	require.True(t, osfs.SameDevice(trash.Files, filepath.Dir(path)))
	require.NoError(t, r.SweepTrash(t.Context(), filepath.Join(g.Dir, ".worktrees"), Keep{Before: time.Now().Add(-time.Hour)}))

	out, err := r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: path, Op: "op2"})
	require.NoError(t, err)
	require.True(t, out.FromTrash)
	require.Equal(t, before, picture(t, path))
	require.NoDirExists(t, filepath.Join(filepath.Dir(path), besideDir))

	_, err = r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op3", Force: true})
	require.NoError(t, err)
	near := filepath.Join(g.Dir, ".worktrees", "near")
	out, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op3", Path: near, Op: "op4"})
	require.NoError(t, err)
	require.True(t, out.FromTrash)
	require.Empty(t, out.Notes)
	require.Equal(t, before, picture(t, near))
	g.GitIn(near, "status")

	_, err = r.RemoveWorktree(t.Context(), Remove{Path: near, Op: "op5", Force: true})
	require.NoError(t, err)
	out, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op5", Path: path, Op: "op6"})
	require.NoError(t, err)
	require.True(t, out.FromTrash)
	require.Equal(t, before, picture(t, path))

	require.NoError(t, r.SweepTrash(t.Context(), filepath.Join(g.Dir, ".worktrees"), Keep{Before: time.Now().Add(time.Hour)}))
	left, _ := os.ReadDir(filepath.Join(g.Dir, ".git", dirName, "trash"))
	require.Empty(t, left)
	require.NoDirExists(t, filepath.Join(filepath.Dir(path), besideDir), "the originals of what was copied go with the trash")
	require.Equal(t, before, picture(t, path))
}

// What cannot be copied as it is is not copied: the snapshot comes back, and the answer
// says where all of it is.
func TestRestoreAcrossFileSystemsIsFaithfulOrSaysSo(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	g.Write(filepath.Join(path, "new"), "new\n")
	err := unix.Setxattr(filepath.Join(path, "new"), "user.wt-mcp", []byte("x"), 0)
	trash, removed := r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op1", Force: true})
	require.NoError(t, removed)
	near := filepath.Join(g.Dir, ".worktrees", "near")
	if err != nil {
		t.Skip("the other file system has no extended attributes: ", err)
	}
	out, err := r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: near, Op: "op2"})
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(near, "new"))
	if out.FromTrash {
		value := make([]byte, 8)
		n, err := unix.Getxattr(filepath.Join(near, "new"), "user.wt-mcp", value)
		require.NoError(t, err)
		require.Equal(t, "x", string(value[:n]))
		return
	}
	require.Contains(t, strings.Join(out.Notes, "\n"), trash.Files)
	require.FileExists(t, filepath.Join(trash.Files, "new"))
}

// A kill at each step of a removal and of a restore across file systems leaves what the
// next process finishes or undoes.
func TestKilledStepsAcrossFileSystems(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	g.Write(filepath.Join(path, "new"), "new\n")
	before := everything(t, path)
	rm := Remove{Path: path, Op: "op1", Force: true}
	home := filepath.Join(g.Dir, ".git", dirName, "trash", "op1")
	aside := filepath.Join(filepath.Dir(path), besideDir, "op1")
	admin, err := r.adminDir(path)
	require.NoError(t, err)
	begun := []func() error{
		func() error { return hold(admin, "op1") },
		func() error { _, err := r.makeTrash(filepath.Dir(home), "op1"); return err },
		func() error { return writeSynced(filepath.Join(home, asideNote), aside+"\n") },
		func() error { _, err := r.makeTrash(filepath.Dir(aside), "op1"); return err },
		func() error { return writeSynced(filepath.Join(aside, ownerNote), r.common+"\n") },
	}
	for steps := range len(begun) + 1 {
		_, err := r.TakeSnapshot(t.Context(), rm.capture())
		require.NoError(t, err)
		for _, step := range begun[:steps] {
			require.NoError(t, step())
		}
		_, err = r.FinishRemove(t.Context(), rm)
		require.ErrorIs(t, err, ErrPathExists)
		require.Equal(t, before, everything(t, path))
		requireNothingLeft(t, g, path)
	}
	_, err = r.TakeSnapshot(t.Context(), rm.capture())
	require.NoError(t, err)
	for _, step := range begun {
		require.NoError(t, step())
	}
	require.NoError(t, os.Rename(path, filepath.Join(aside, "files")))
	for range 2 {
		trash, err := r.FinishRemove(t.Context(), rm)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(aside, "files"), trash.Files)
		requireUnlisted(t, r, path)
	}
	back := Restore{Snapshot: "op1", Path: path, Op: "op2"}
	require.NoError(t, r.UndoRestore(t.Context(), back))
	_, err = r.RestoreWorktree(t.Context(), back)
	require.NoError(t, err)
	require.Equal(t, before, everything(t, path))
	requireNoTrash(t, g, path)
}

func requireNoTrash(t *testing.T, g *gittest.Repo, path string) {
	t.Helper()
	trash, _ := os.ReadDir(filepath.Join(g.Dir, ".git", dirName, "trash"))
	require.Empty(t, trash)
	require.NoDirExists(t, filepath.Join(filepath.Dir(path), besideDir))
}

// A copied repository has no part in the trash of the original.
func TestTrashElsewhereIsItsRepositorysOnly(t *testing.T) {
	t.Parallel()
	g, r, path := farLane(t)
	g.Write(filepath.Join(path, "new"), "new\n")
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: path, Op: "op1", Force: true})
	require.NoError(t, err)
	copied := g.Dir + "-copy"
	require.NoError(t, os.CopyFS(copied, os.DirFS(g.Dir)))
	other := mustOpen(t, copied)
	require.NoError(t, other.SweepTrash(t.Context(), copied, Keep{Before: time.Now().Add(time.Hour)}))
	require.FileExists(t, filepath.Join(trash.Files, "new"))

	require.NoError(t, os.Rename(g.Dir, g.Dir+"-moved"))
	moved := mustOpen(t, g.Dir+"-moved")
	out, err := moved.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: path, Op: "op2"})
	require.NoError(t, err)
	require.True(t, out.FromTrash)
	require.FileExists(t, filepath.Join(path, "new"))
}
