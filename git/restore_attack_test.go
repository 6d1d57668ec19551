//go:build unix

package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// attack is what an agent does in its worktree and its entry.
type attack = func(l *lane, outside string)

// refusedAttacks leave no worktree that could be removed.
func refusedAttacks() map[string]attack {
	return map[string]attack{
		"worktree replaced by a link to a copy": func(l *lane, outside string) {
			pointer, err := os.ReadFile(l.file(".git"))
			l.ok(err)
			l.Write(filepath.Join(outside, ".git"), string(pointer))
			l.ok(os.Rename(l.path, l.path+"-real"))
			l.ok(os.Symlink(outside, l.path))
		},
		"its parent replaced by a link": func(l *lane, outside string) {
			pointer, err := os.ReadFile(l.file(".git"))
			l.ok(err)
			l.Write(filepath.Join(outside, "a", ".git"), string(pointer))
			l.Write(filepath.Join(outside, "a", "precious"), "p")
			l.ok(os.Rename(filepath.Dir(l.path), filepath.Dir(l.path)+"-real"))
			l.ok(os.Symlink(outside, filepath.Dir(l.path)))
		},
		".git names another repository": func(l *lane, outside string) {
			l.Write(l.file(".git"), "gitdir: "+filepath.Join(outside, "repo", ".git")+"\n")
		},
		".git names another worktree": func(l *lane, _ string) {
			b := newAdd(l.Repo, "b")
			l.ok(l.r.AddWorktree(l.t.Context(), b))
			pointer, err := os.ReadFile(filepath.Join(b.Path, ".git"))
			l.ok(err)
			l.Write(l.file(".git"), string(pointer))
		},
		"gitdir names another place": func(l *lane, outside string) {
			l.Write(".git/worktrees/a/gitdir", filepath.Join(outside, ".git")+"\n")
		},
	}
}

// vainAttacks are such that the worktree can go.
func vainAttacks() map[string]attack {
	return map[string]attack{
		"commondir names another repository, with a filter": func(l *lane, outside string) {
			l.Write(".git/worktrees/a/commondir", filepath.Join(outside, "repo", ".git")+"\n")
			l.put(".gitattributes", "* filter=x\n")
		},
		"links to outside, within": func(l *lane, outside string) {
			l.ok(os.Symlink(outside, l.file("out")))
			l.ok(os.Symlink(filepath.Join(outside, "precious"), l.file("file")))
			l.ok(os.RemoveAll(l.file("dir")))
			l.ok(os.Symlink(outside, l.file("dir")))
		},
		"hard links to outside": func(l *lane, outside string) {
			l.ok(os.Link(filepath.Join(outside, "precious"), l.file("hard")))
		},
		"a link in its entry": func(l *lane, outside string) {
			l.ok(os.Symlink(outside, filepath.Join(l.Dir, ".git", "worktrees", "a", "modules")))
			l.ok(os.Symlink(filepath.Join(outside, "precious"), filepath.Join(l.Dir, ".git", "worktrees", "a", "MERGE_MSG")))
		},
		"the trash is a link": func(l *lane, outside string) {
			l.ok(os.MkdirAll(filepath.Join(l.Dir, ".git", "wt-mcp"), 0o755))
			l.ok(os.Symlink(outside, filepath.Join(l.Dir, ".git", "wt-mcp", "trash")))
		},
	}
}

// Invariant 8: nothing that an agent can do within its worktree and its entry
// makes a removal or a restore reach outside of them.
func TestInvariant8RemovalReachesNothingOutside(t *testing.T) {
	t.Parallel()
	for name, attack := range refusedAttacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, outside := attacked(t, attack)
			before := gittest.Tree(t, outside)
			_, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
			require.ErrorIs(t, err, ErrNotWorktree)
			require.Equal(t, before, gittest.Tree(t, outside))
		})
	}
	for name, attack := range vainAttacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, outside := attacked(t, attack)
			before := gittest.Tree(t, outside)
			trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
			require.NoError(t, err)
			require.Equal(t, before, gittest.Tree(t, outside))
			empty(t, l.r, trash)
			require.NoError(t, l.r.SweepTrash(t.Context(), filepath.Dir(l.path), Keep{Before: time.Now().Add(time.Hour)}))
			require.Equal(t, before, gittest.Tree(t, outside))
			_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
			require.NoError(t, err)
			require.Equal(t, before, gittest.Tree(t, outside))
			require.NoFileExists(t, filepath.Join(outside, "ran"))
		})
	}
}

// attacked is a worktree under attack, and what must stay as it is.
func attacked(t *testing.T, attack attack) (*lane, string) {
	t.Helper()
	l := newLane(t)
	outside := gittest.TempDir(t)
	l.Write(filepath.Join(outside, "precious"), "p")
	evil := gittest.NewRepo(t, gittest.At(filepath.Join(outside, "repo")))
	evil.Git("config", "filter.x.clean", "touch '"+filepath.Join(outside, "ran")+"'; cat")
	evil.Git("config", "core.fsmonitor", "touch '"+filepath.Join(outside, "ran")+"'")
	attack(l, outside)
	return l, outside
}

// What is mounted in a worktree is not the worktree's.
func TestRemoveRefusesMounts(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	outside := gittest.TempDir(t)
	l.Write(filepath.Join(outside, "precious"), "p")
	inner := l.file("ignored/mounted")
	require.NoError(t, os.MkdirAll(inner, 0o755))
	mount(t, outside, inner)
	for _, force := range []bool{false, true} {
		_, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: force})
		requireRefused(t, err, ErrMounted, inner)
		requireRefused(t, l.r.CheckRemovable(t.Context(), Remove{Path: l.path, Force: force}), ErrMounted, inner)
	}
	_, err := l.r.TakeSnapshot(t.Context(), Capture{ID: "op1", Path: l.path})
	require.ErrorIs(t, err, ErrMounted)
	unmount(t, inner)

	trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op2", Force: true})
	require.NoError(t, err)
	inner = filepath.Join(trash.Dir, "files", "ignored", "mounted")
	mount(t, outside, inner)
	trash.Precious = true
	require.ErrorIs(t, l.r.EmptyTrash(t.Context(), trash), ErrMounted)
	require.ErrorIs(t, l.r.SweepTrash(t.Context(), filepath.Dir(l.path), Keep{Before: time.Now().Add(time.Hour)}), ErrMounted)
	require.FileExists(t, filepath.Join(outside, "precious"))
	unmount(t, inner)
	empty(t, l.r, trash)
	require.FileExists(t, filepath.Join(outside, "precious"))
}

// A directory that is swapped for another one after it was looked at is put back.
func TestSwappedDirectoryIsNotRemoved(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	admin, err := l.r.adminDir(l.path)
	require.NoError(t, err)
	outside := gittest.TempDir(t)
	l.Write(filepath.Join(outside, "precious"), "p")
	for _, swap := range []func(){
		func() { require.NoError(t, os.Symlink(outside, l.path)) },
		func() { l.Write(filepath.Join(l.path, "other"), "o") },
	} {
		rm := Remove{Path: l.path, Op: "op1", Force: true}
		scan, _ := startScan(t.Context(), l.path)
		look, _ := l.r.look(t.Context(), admin, l.path, l.path, scan) // as far as git can read it
		taken, err := l.r.capture(t.Context(), rm.capture(), admin, l.path, look, scan)
		require.NoError(t, err)
		require.NoError(t, os.Rename(l.path, l.path+"-real"))
		swap()
		trash, err := l.r.setAside(l.path, rm.Op)
		require.NoError(t, err)
		_, err = l.r.retire(t.Context(), rm, admin, trash, taken)
		require.ErrorIs(t, err, ErrNotWorktree)
		require.NoError(t, l.r.putBack(trash, l.path))
		require.FileExists(t, filepath.Join(outside, "precious"))
		require.NoError(t, os.RemoveAll(l.path))
		require.NoError(t, os.Rename(l.path+"-real", l.path))
	}
}

// The refs of snapshots can be written by anybody: nothing in one leads out.
func TestForgedSnapshots(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.put("dir/a.txt", "changed")
	s, err := l.r.TakeSnapshot(t.Context(), Capture{ID: "good", Path: l.path})
	require.NoError(t, err)
	message := l.Git("log", "-1", "--format=%B", SnapshotRef(s.ID))
	text := l.Git("cat-file", "blob", SnapshotRef(s.ID)+":manifest")
	for i, forged := range []struct{ manifest, message string }{
		{text + "F 644 ../../../escaped\x00", message},
		{text + "D 755 ../escaped\x00", message},
		{text + "P 644 /etc/passwd\x00", message},
		{text + "F 644 .git\x00", message},
		{text + "F 644 .GIT/hooks/x\x00", message},
		{text + "A 644 1 ../../config\x00x", message},
		{text + "A 644 3 commondir\x00x/y", message},
		{text + "A 644 999999 HEAD\x00x", message},
		{text + "A 644 -1 HEAD\x00x", message},
		{text + "? 99999 x\x00", message},
		{text + "F 644 absent\x00", message},
		{"", message},
		{text, strings.Replace(message, `"entry":"a"`, `"entry":"../../x"`, 1)},
		{text, strings.Replace(message, `"branch":"wt/a"`, `"branch":"-f"`, 1)},
		{text, strings.ReplaceAll(message, l.Head(), "HEAD")},
		{text, "no json"},
	} {
		l.Git("worktree", "prune")
		blob := l.Write("../forged", forged.manifest)
		index := "GIT_INDEX_FILE=" + filepath.Join(gittest.TempDir(t), "index")
		oid := l.Git("hash-object", "-w", "--no-filters", blob)
		l.GitWith([]string{index}, "read-tree", SnapshotRef(s.ID))
		l.GitWith([]string{index}, "update-index", "--cacheinfo", "100644,"+oid+",manifest")
		commit := l.Git("commit-tree", "-m", forged.message, "-p", "HEAD", l.GitWith([]string{index}, "write-tree"))
		l.Git("update-ref", SnapshotRef("forged"), commit)
		before := gittest.Tree(t, filepath.Join(l.Dir, ".git", "worktrees"))
		_, err := l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "forged", Path: l.path + "-2", Op: "op"})
		require.Error(t, err, i)
		require.NoFileExists(t, filepath.Join(filepath.Dir(l.Dir), "escaped"))
		require.NoDirExists(t, l.path+"-2")
		require.Equal(t, before, gittest.Tree(t, filepath.Join(l.Dir, ".git", "worktrees")))
		requireOnlyTrash(t, l.r)
	}
}
