//go:build unix

package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// Invariant 8: nothing that an agent can do within its worktree and its entry
// makes a removal or a restore reach outside of them.
func TestInvariant8RemovalReachesNothingOutside(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attack func(l *lane, outside string)
		want   error // nil: the worktree goes
	}{
		"worktree replaced by a link to a copy": {func(l *lane, outside string) {
			pointer, err := os.ReadFile(l.file(".git"))
			l.ok(err)
			l.Write(filepath.Join(outside, ".git"), string(pointer))
			l.ok(os.Rename(l.path, l.path+"-real"))
			l.ok(os.Symlink(outside, l.path))
		}, ErrNotWorktree},
		"its parent replaced by a link": {func(l *lane, outside string) {
			pointer, err := os.ReadFile(l.file(".git"))
			l.ok(err)
			l.Write(filepath.Join(outside, "a", ".git"), string(pointer))
			l.Write(filepath.Join(outside, "a", "precious"), "p")
			l.ok(os.Rename(filepath.Dir(l.path), filepath.Dir(l.path)+"-real"))
			l.ok(os.Symlink(outside, filepath.Dir(l.path)))
		}, ErrNotWorktree},
		".git names another repository": {func(l *lane, outside string) {
			l.Write(l.file(".git"), "gitdir: "+filepath.Join(outside, "repo", ".git")+"\n")
		}, ErrNotWorktree},
		".git names another worktree": {func(l *lane, _ string) {
			b := newAdd(l.Repo, "b")
			l.ok(l.r.AddWorktree(l.t.Context(), b))
			pointer, err := os.ReadFile(filepath.Join(b.Path, ".git"))
			l.ok(err)
			l.Write(l.file(".git"), string(pointer))
		}, ErrNotWorktree},
		"gitdir names another place": {func(l *lane, outside string) {
			l.Write(".git/worktrees/a/gitdir", filepath.Join(outside, ".git")+"\n")
		}, ErrNotWorktree},
		"commondir names another repository, with a filter": {func(l *lane, outside string) {
			l.Write(".git/worktrees/a/commondir", filepath.Join(outside, "repo", ".git")+"\n")
			l.put(".gitattributes", "* filter=x\n")
		}, nil},
		"links to outside, within": {func(l *lane, outside string) {
			l.ok(os.Symlink(outside, l.file("out")))
			l.ok(os.Symlink(filepath.Join(outside, "precious"), l.file("file")))
			l.ok(os.RemoveAll(l.file("dir")))
			l.ok(os.Symlink(outside, l.file("dir")))
		}, nil},
		"hard links to outside": {func(l *lane, outside string) {
			l.ok(os.Link(filepath.Join(outside, "precious"), l.file("hard")))
		}, nil},
		"a link in its entry": {func(l *lane, outside string) {
			l.ok(os.Symlink(outside, filepath.Join(l.Dir, ".git", "worktrees", "a", "modules")))
			l.ok(os.Symlink(filepath.Join(outside, "precious"), filepath.Join(l.Dir, ".git", "worktrees", "a", "MERGE_MSG")))
		}, nil},
		"the trash is a link": {func(l *lane, outside string) {
			l.ok(os.MkdirAll(filepath.Join(l.Dir, ".git", "wt-mcp"), 0o755))
			l.ok(os.Symlink(outside, filepath.Join(l.Dir, ".git", "wt-mcp", "trash")))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t)
			outside := gittest.TempDir(t)
			l.Write(filepath.Join(outside, "precious"), "p")
			evil := gittest.NewRepo(t, gittest.At(filepath.Join(outside, "repo")))
			evil.Git("config", "filter.x.clean", "touch '"+filepath.Join(outside, "ran")+"'; cat")
			evil.Git("config", "core.fsmonitor", "touch '"+filepath.Join(outside, "ran")+"'")
			test.attack(l, outside)
			before := gittest.Tree(t, outside)
			trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
				require.Equal(t, before, gittest.Tree(t, outside))
				return
			}
			require.NoError(t, err)
			require.Equal(t, before, gittest.Tree(t, outside))
			require.NoError(t, l.r.EmptyTrash(t.Context(), trash))
			require.NoError(t, l.r.SweepTrash(t.Context(), filepath.Dir(l.path), Keep{Before: time.Now().Add(time.Hour)}))
			require.Equal(t, before, gittest.Tree(t, outside))
			_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
			require.NoError(t, err)
			require.Equal(t, before, gittest.Tree(t, outside))
			require.NoFileExists(t, filepath.Join(outside, "ran"))
		})
	}
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
	require.ErrorIs(t, l.r.EmptyTrash(t.Context(), trash), ErrMounted)
	require.ErrorIs(t, l.r.SweepTrash(t.Context(), filepath.Dir(l.path), Keep{Before: time.Now().Add(time.Hour)}), ErrMounted)
	require.FileExists(t, filepath.Join(outside, "precious"))
	unmount(t, inner)
	require.NoError(t, l.r.EmptyTrash(t.Context(), trash))
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
		look := l.r.tryLook(t.Context(), admin, l.path)
		scan, _ := startScan(t.Context(), l.path)
		taken, err := l.r.capture(t.Context(), rm.capture(), admin, l.path, look, scan)
		require.NoError(t, err)
		require.NoError(t, os.Rename(l.path, l.path+"-real"))
		swap()
		trash, err := l.r.setAside(l.path, rm.Op)
		require.NoError(t, err)
		_, err = l.r.retire(t.Context(), rm, admin, trash, taken)
		require.ErrorIs(t, err, ErrNotWorktree)
		require.NoError(t, putBack(trash, l.path))
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

// Trash goes by age and by size, the oldest first and never the newest for its size.
func TestSweepTrash(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Write(".git/info/exclude", "ignored\n")
	var dirs []string
	for _, name := range []string{"a", "b", "c"} {
		a := newAdd(g, name)
		require.NoError(t, r.AddWorktree(t.Context(), a))
		g.Write(filepath.Join(a.Path, "ignored", "sub", "x"), strings.Repeat("x", 100_000))
		require.NoError(t, os.Chmod(filepath.Join(a.Path, "ignored", "sub"), 0o555))
		trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op-" + name})
		require.NoError(t, err)
		require.True(t, trash.Precious)
		require.InDelta(t, 100_000, trash.Bytes, 1000)
		at := time.Now().Add(-time.Duration(3-len(dirs)) * time.Hour)
		require.NoError(t, os.Chtimes(trash.Dir, at, at))
		dirs = append(dirs, trash.Dir)
	}
	g.Write(".git/wt-mcp/trash/not ours/x", "x")
	sweep := func(keep Keep) {
		require.NoError(t, r.SweepTrash(t.Context(), filepath.Join(g.Dir, ".worktrees"), keep))
	}
	sweep(Keep{Before: time.Now().Add(-24 * time.Hour), Bytes: 1 << 20})
	require.DirExists(t, dirs[0])
	sweep(Keep{Before: time.Now().Add(-24 * time.Hour), Bytes: 250_000})
	require.NoDirExists(t, dirs[0])
	require.DirExists(t, dirs[1])
	sweep(Keep{Before: time.Now().Add(-24 * time.Hour), Bytes: 1})
	require.NoDirExists(t, dirs[1])
	require.DirExists(t, dirs[2])
	sweep(Keep{Before: time.Now()})
	require.NoDirExists(t, dirs[2])
	require.FileExists(t, filepath.Join(g.Dir, ".git", "wt-mcp", "trash", "not ours", "x"))
}

// A snapshot goes only where all that it holds is held otherwise.
func TestDropSnapshots(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	take := func(id string) {
		_, err := l.r.TakeSnapshot(t.Context(), Capture{ID: id, Path: l.path})
		require.NoError(t, err)
	}
	take("clean")
	l.put("n", "n")
	take("untracked")
	l.commit("n")
	take("commit-on-a-branch")
	l.in("reset", "-q", "--hard", "HEAD~1")
	take("commit-in-the-reflog")
	left := func(before time.Time) []string {
		require.NoError(t, l.r.DropSnapshots(t.Context(), before))
		return strings.Fields(l.Git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/wt-mcp/snapshots"))
	}
	require.Len(t, left(time.Now().Add(-time.Hour)), 4)
	l.Git("branch", "holds", "wt/a@{1}")
	require.Equal(t, []string{"untracked"}, left(time.Now().Add(time.Hour)))
	l.Git("branch", "-D", "holds")
	take("unheld")
	require.Equal(t, []string{"unheld", "untracked"}, left(time.Now().Add(time.Hour)))
}

// What does not fit is in the trash, and the answer says so.
func TestSnapshotLimit(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.put("small", "s")
	l.put("large", strings.Repeat("x", 1000))
	trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true, Limit: 100})
	require.NoError(t, err)
	require.Equal(t, []string{"large"}, trash.Snapshot.LeftOut)
	require.Equal(t, 1, trash.Snapshot.Files)
	require.NoError(t, l.r.EmptyTrash(t.Context(), trash))
	out, err := l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
	require.NoError(t, err)
	require.Contains(t, strings.Join(out.Notes, "\n"), `"large"`)
	require.FileExists(t, l.file("small"))
	require.NoFileExists(t, l.file("large"))
}

// A special file is left where it is, and does not make anybody wait.
func TestSnapshotOfSpecialFiles(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	require.NoError(t, syscall.Mkfifo(l.file("pipe"), 0o666))
	l.put("n", "n")
	trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
	require.NoError(t, err)
	require.Equal(t, []string{"pipe"}, trash.Snapshot.LeftOut)
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
	require.NoError(t, err)
	info, err := os.Lstat(l.file("pipe"))
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type())
}

// A worktree that git cannot read any more goes by force, with all that is in it.
func TestRemoveOfABrokenWorktree(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.put("n", "n")
	l.Write(".git/worktrees/a/index", "broken")
	_, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op0"})
	require.Error(t, err)
	require.FileExists(t, l.file("n"))
	trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
	require.NoError(t, err)
	require.Equal(t, "n", l.Git("cat-file", "blob", SnapshotRef("op1")+":files/n"))
	require.True(t, trash.Precious)
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
	require.NoError(t, err)
	require.FileExists(t, l.file("n"))
}

// A directory that somebody deleted: what git knew of it comes back.
func TestRestoreOfADeletedDirectory(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.in("checkout", "-q", "--detach")
	l.put("n", "n")
	held := l.commit("held")
	l.put("staged", "s")
	l.in("add", "staged")
	require.NoError(t, os.RemoveAll(l.path))
	trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1"})
	require.NoError(t, err)
	require.Empty(t, trash.Dir)
	require.Equal(t, "op1", trash.Snapshot.ID)
	l.Git("gc", "-q", "--prune=now")
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
	require.NoError(t, err)
	require.Equal(t, held, l.in("rev-parse", "HEAD"))
	require.Equal(t, "A  staged", l.in("status", "--porcelain"))
}

// A snapshot changes nothing of the worktree, and may be cancelled.
func TestTakeSnapshot(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.diverge()
	l.fails("merge", "-q", "main")
	l.put("n", "n")
	before := l.picture()
	delete(before, "git for-each-ref")
	s, err := l.r.TakeSnapshot(t.Context(), Capture{ID: "one", Path: l.path, Meta: []byte(`{"task":7}`)})
	require.NoError(t, err)
	require.JSONEq(t, `{"task":7}`, string(s.Meta))
	after := l.picture()
	delete(after, "git for-each-ref")
	require.Equal(t, before, after)
	list, err := l.r.Snapshots(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, s.Head, list[0].Head)
	require.Equal(t, "wt/a", list[0].Branch)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.r.TakeSnapshot(ctx, Capture{ID: "two", Path: l.path})
	require.True(t, errors.Is(err, context.Canceled), err)
	_, err = l.r.TakeSnapshot(t.Context(), Capture{ID: "../two", Path: l.path})
	require.ErrorIs(t, err, ErrInvalidName)
	_, err = l.r.TakeSnapshot(t.Context(), Capture{ID: "two", Path: l.Dir})
	require.ErrorIs(t, err, ErrMainWorktree)
	list, err = l.r.Snapshots(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	left, err := filepath.Glob(filepath.Join(l.Dir, ".git", "fast_import_crash_*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
