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
)

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
	empty(t, l.r, trash)
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

// What is written between the snapshot and the rename is in the snapshot, too.
func TestSnapshotHasWhatCameLast(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(l *lane){
		"new file":        func(l *lane) { l.put("late", "late") },
		"changed again":   func(l *lane) { l.put("late", "early"); l.put("dir/a.txt", "second") },
		"staged":          func(l *lane) { l.put("late", "late"); l.in("add", "late"); l.ok(os.Remove(l.file("late"))) },
		"committed":       func(l *lane) { l.put("late", "late"); l.commit("late") },
		"branch switched": func(l *lane) { l.in("checkout", "-q", "-b", "wt/late") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t)
			l.put("dir/a.txt", "first")
			rm := Remove{Path: l.path, Op: "op1", Force: true}
			admin, err := l.r.adminDir(l.path)
			require.NoError(t, err)
			scan, _ := startScan(t.Context(), l.path)
			look, err := l.r.look(t.Context(), admin, l.path, l.path, scan)
			require.NoError(t, err)
			taken, err := l.r.capture(t.Context(), rm.capture(), admin, l.path, look, scan)
			require.NoError(t, err)
			late(l)
			before := l.picture()
			trash, err := l.r.setAside(l.path, rm.Op)
			require.NoError(t, err)
			gone, err := l.r.retire(t.Context(), rm, admin, trash, taken)
			require.NoError(t, err)
			empty(t, l.r, gone)
			_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
			require.NoError(t, err)
			require.Equal(t, without(before, nil), without(l.picture(), nil))
		})
	}
}
