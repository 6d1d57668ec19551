package git

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// removed removes under a new operation, and empties the trash as a caller does
// in the end.
func removed(r *Repo, ctx context.Context, rm Remove) error {
	rm.Op = rand.Text()
	trash, err := r.RemoveWorktree(ctx, rm)
	if err != nil {
		return err
	}
	trash.Precious = true // whatever came late
	return r.EmptyTrash(ctx, trash)
}

// empty deletes a trash, whatever came late.
func empty(t testing.TB, r *Repo, trash Trash) {
	t.Helper()
	trash.Precious = true
	require.NoError(t, r.EmptyTrash(t.Context(), trash))
}

func requireUnlisted(t *testing.T, r *Repo, path string) {
	t.Helper()
	_, ok, err := r.registered(t.Context(), path)
	require.NoError(t, err)
	require.False(t, ok)
}

func addOne(t testing.TB) (*gittest.Repo, *Repo, Add) {
	t.Helper()
	g, r := newRepo(t)
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	return g, r, a
}

func TestRemoveWorktree(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "ignored\n")
	g.Write(filepath.Join(a.Path, "ignored"), "x")
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
	require.NoDirExists(t, a.Path)
	requireUnregistered(t, r, a.Path)
	_, ok, err := r.Branch(t.Context(), a.Branch)
	require.NoError(t, err)
	require.True(t, ok, "the branch stays")
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}), "may be repeated")
}

func TestRemoveRefusesChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(g *gittest.Repo, path string){
		"untracked": func(g *gittest.Repo, path string) { g.Write(filepath.Join(path, "f"), "x") },
		"modified":  func(g *gittest.Repo, path string) { g.Write(filepath.Join(path, "README.md"), "x") },
		"staged": func(g *gittest.Repo, path string) {
			g.Write(filepath.Join(path, "f"), "x")
			g.GitIn(path, "add", "f")
		},
		"deleted": func(g *gittest.Repo, path string) { g.GitIn(path, "rm", "-q", "README.md") },
		"nested repository": func(g *gittest.Repo, path string) {
			gittest.NewRepo(t, gittest.At(filepath.Join(path, "nested")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r, a := addOne(t)
			g.Git("config", "status.showUntrackedFiles", "no") // hides them from plain git
			change(g, a.Path)
			before := g.GitIn(a.Path, "status", "--porcelain", "-uall")
			require.ErrorIs(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrDirty)
			require.Equal(t, before, g.GitIn(a.Path, "status", "--porcelain", "-uall"))
			require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path, Force: true}))
			requireUnregistered(t, r, a.Path)
		})
	}
}

func TestRemoveRefusesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: g.Dir, Force: true}), ErrMainWorktree)
	g.Git("worktree", "lock", "--reason", "on a stick", a.Path)
	requireRefused(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrLocked, "on a stick")
	require.NoError(t, os.Rename(a.Path, a.Path+"x"))
	requireRefused(t, r.drop(t.Context(), a.Path, nil), ErrLocked, "on a stick")
	require.NoError(t, os.Rename(a.Path+"x", a.Path))
	g.Git("worktree", "unlock", a.Path)

	outside := gittest.NewRepo(t)
	outside.Write("precious", "x")
	for _, path := range []string{outside.Dir, filepath.Join(g.Dir, ".git"), filepath.Dir(a.Path), filepath.Join(a.Path, "README.md")} {
		require.ErrorIs(t, removed(r, t.Context(), Remove{Path: path, Force: true}), ErrNotWorktree, path)
	}
	require.FileExists(t, filepath.Join(outside.Dir, "precious"))
	require.FileExists(t, filepath.Join(a.Path, "README.md"))
}

// A worktree replaced by a link to a directory with a copy of its .git file:
// git worktree remove --force deletes the other directory's files.
func TestRemoveFollowsNoLink(t *testing.T) {
	t.Parallel()
	_, r, a := addOne(t)
	outside := filepath.Join(gittest.TempDir(t), "outside")
	require.NoError(t, os.Rename(a.Path, outside))
	require.NoError(t, os.Symlink(outside, a.Path))
	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: a.Path, Force: true}), ErrNotWorktree)
	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: outside, Force: true}), ErrNotWorktree)
	require.ErrorIs(t, r.drop(t.Context(), a.Path, nil), ErrPathExists)
	require.FileExists(t, filepath.Join(outside, "README.md"))
}

// A worktree whose .git file was turned to another git directory, with a
// configuration that runs a command, is not asked.
func TestRewrittenGitFileRunsNothing(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	marker := filepath.Join(g.Dir, "ran")
	evil := gittest.NewRepo(t)
	evil.Git("config", "filter.x.clean", "touch '"+marker+"'; cat")
	evil.Write(".git/info/attributes", "* filter=x\n")
	pointer := filepath.Join(a.Path, ".git")
	old, err := os.ReadFile(pointer)
	require.NoError(t, err)
	g.Write(pointer, "gitdir: "+filepath.Join(evil.Dir, ".git")+"\n")
	_, err = r.Status(t.Context(), a.Path)
	require.ErrorIs(t, err, ErrNotWorktree)
	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrNotWorktree)

	g.Write(pointer, string(old))
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	g.Write(filepath.Join(admin, "commondir"), filepath.Join(evil.Dir, ".git")+"\n")
	g.Write(filepath.Join(a.Path, "README.md"), "changed\n")
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Equal(t, []string{"README.md"}, status.Modified)
	require.NoFileExists(t, marker)
}

// What is written between the first look and the rename is found by the second.
func TestRemovePutsBackWhatBecameDirty(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	rm := Remove{Path: a.Path, Op: "op"}
	require.NoError(t, r.CheckRemovable(t.Context(), rm))
	scan, stop := startScan(t.Context(), a.Path)
	defer stop()
	l, err := r.look(t.Context(), admin, a.Path, a.Path, scan)
	require.NoError(t, err)
	taken, err := r.capture(t.Context(), rm.capture(), admin, a.Path, l, scan)
	require.NoError(t, err)
	file := g.Write(filepath.Join(a.Path, "late"), "x")
	trash, err := r.setAside(a.Path, "op")
	require.NoError(t, err)
	_, err = r.retire(t.Context(), rm, admin, trash, taken)
	requireRefused(t, err, ErrDirty, "late")
	require.NoError(t, r.putBack(trash, a.Path))
	require.FileExists(t, file)
	require.Equal(t, "?? late", g.GitIn(a.Path, "status", "--porcelain"))
}

// Invariant 7: with force nothing goes that was there. Both halves of the trash
// moved back are the worktree as it was, index, stash of changes and HEAD.
func TestInvariant7RemoveKeepsEverything(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/info/exclude", "ignored\n")
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	g.Write(filepath.Join(a.Path, "committed"), "c")
	held := g.CommitIn(a.Path, "held by a detached HEAD only")
	g.Write(filepath.Join(a.Path, "staged"), "first")
	g.GitIn(a.Path, "add", "staged")
	blob := g.GitIn(a.Path, "rev-parse", ":staged")
	g.Write(filepath.Join(a.Path, "staged"), "second")
	for _, name := range []string{"untracked", "ignored"} {
		g.Write(filepath.Join(a.Path, name), name)
	}
	before := g.GitIn(a.Path, "status", "--porcelain", "--ignored")
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)

	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrDirty)
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: true})
	require.NoError(t, err)
	require.True(t, trash.Precious)
	requireUnlisted(t, r, a.Path)
	g.Git("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
	g.Git("cat-file", "-e", held)
	g.Git("cat-file", "-e", blob)

	require.NoError(t, os.MkdirAll(filepath.Dir(admin), 0o755))
	require.NoError(t, os.Rename(filepath.Join(trash.Dir, "git"), admin))
	require.NoError(t, os.Rename(filepath.Join(trash.Dir, "files"), a.Path))
	require.Equal(t, before, g.GitIn(a.Path, "status", "--porcelain", "--ignored"))
	require.Equal(t, held, g.GitIn(a.Path, "rev-parse", "HEAD"))
	require.Equal(t, "first", g.GitIn(a.Path, "show", ":staged"))
}

func TestRemoveOfIgnoredFilesOnlyIsPrecious(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	time.Sleep(50 * time.Millisecond) // what was written just now may have been written meanwhile
	clean, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
	require.NoError(t, err)
	require.False(t, clean.Precious)
	require.NoError(t, r.EmptyTrash(t.Context(), clean))
	require.NoDirExists(t, clean.Dir)

	b := newAdd(g, "b")
	require.NoError(t, r.AddWorktree(t.Context(), b))
	g.Write(".git/info/exclude", "ignored\n")
	g.Write(filepath.Join(b.Path, "ignored"), "x")
	kept, err := r.RemoveWorktree(t.Context(), Remove{Path: b.Path, Op: "op2"})
	require.NoError(t, err)
	require.True(t, kept.Precious)
	require.FileExists(t, filepath.Join(kept.Dir, "files", "ignored"))
	require.NoError(t, r.SweepTrash(t.Context(), filepath.Dir(a.Path), Keep{Before: time.Now().Add(-time.Hour)}))
	require.DirExists(t, kept.Dir)
	require.NoError(t, r.SweepTrash(t.Context(), filepath.Dir(a.Path), Keep{Before: time.Now().Add(time.Hour)}))
	require.NoDirExists(t, kept.Dir)
}

func TestRemoveRefusesHeldCommitsAndOperations(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	g.Write(filepath.Join(a.Path, "f"), "x")
	held := g.CommitIn(a.Path, "held by a detached HEAD only")
	require.ErrorIs(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrUnmerged)
	clean, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: true})
	require.NoError(t, err)
	require.True(t, clean.Precious, "its files are clean, its commits are held by nothing else")
	require.Equal(t, held, g.Git("rev-parse", "--verify", SnapshotRef(clean.Snapshot.ID)+"^1"))

	a = newAdd(g, "b")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	g.GitIn(a.Path, "bisect", "start")
	requireRefused(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrOperation, "bisect")
	require.DirExists(t, a.Path)
}

// The trash lies beside the worktree where the git directory takes none.
func TestRemoveIntoTheOtherTrash(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(".git/wt-mcp/trash", "a file in the way of the trash")
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
	require.NoError(t, err)
	require.NoDirExists(t, a.Path)
	require.DirExists(t, filepath.Join(trash.Dir, "files"))
	requireUnlisted(t, r, a.Path)
}

// A kill after the rename of the directory leaves the entry: FinishRemove ends it.
func TestFinishRemove(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	rm := Remove{Path: a.Path, Op: "op1"}
	_, err := r.FinishRemove(t.Context(), rm)
	require.ErrorIs(t, err, ErrPathExists)
	g.Write(filepath.Join(a.Path, "f"), "x")
	dir, err := r.setAside(a.Path, "op1")
	require.NoError(t, err)
	for range 2 {
		trash, err := r.FinishRemove(t.Context(), rm)
		require.NoError(t, err)
		require.Equal(t, dir, trash.Dir)
		require.True(t, trash.Precious)
		requireUnlisted(t, r, a.Path)
	}
	require.FileExists(t, filepath.Join(dir, "git", "index"))
}

func TestCancelledRemoveKeepsTheWorktree(t *testing.T) {
	t.Parallel()
	_, r, a := addOne(t)
	unlock, err := r.lock(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, removed(r, ctx, Remove{Path: a.Path, Force: true}), context.DeadlineExceeded)
	unlock()
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Empty(t, status.Changed())
}

func TestDropWorktreeDropsOnlyThatOne(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	b := newAdd(g, "b")
	require.NoError(t, r.AddWorktree(t.Context(), b))
	require.ErrorIs(t, r.drop(t.Context(), a.Path, nil), ErrPathExists)
	require.NoError(t, os.RemoveAll(a.Path))
	require.NoError(t, os.RemoveAll(b.Path))
	require.NoError(t, r.drop(t.Context(), a.Path, nil))
	require.NoError(t, r.drop(t.Context(), a.Path, nil), "may be repeated")
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, b.Path, list[1].Path)
}

func TestDeleteBranch(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	head := g.Head()
	requireRefused(t, r.DeleteBranch(t.Context(), a.Branch, head), ErrCheckedOut, a.Path)
	requireRefused(t, r.DeleteBranch(t.Context(), "main", head), ErrCheckedOut, g.Dir)
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))

	moved := g.Commit("second")
	g.Git("branch", "-f", a.Branch, moved)
	requireRefused(t, r.DeleteBranch(t.Context(), a.Branch, head), ErrBranchMoved, moved)
	g.Git("config", "branch.wt/a.merge", "refs/heads/other")
	g.Git("config", "branch.wt/ab.merge", "refs/heads/other")
	require.NoError(t, r.DeleteBranch(t.Context(), a.Branch, moved))
	_, err := g.Try("config", "branch.wt/a.merge")
	require.Error(t, err)
	require.NotEmpty(t, g.Git("config", "branch.wt/ab.merge"))
	require.NoError(t, r.DeleteBranch(t.Context(), a.Branch, moved), "may be repeated")
	require.ErrorIs(t, r.DeleteBranch(t.Context(), "x", "HEAD"), ErrInvalidName)
	require.ErrorIs(t, r.DeleteBranch(t.Context(), "-x", head), ErrInvalidName)

	g.Git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
	require.NoError(t, r.DeleteBranch(t.Context(), "alias", moved))
	require.Equal(t, moved, g.Head(), "the branch behind the alias stays")
}

func TestDeleteBranchUnderRebaseOrBisect(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(filepath.Join(a.Path, "README.md"), "ours\n")
	ours := g.CommitIn(a.Path, "ours")
	g.Write("README.md", "theirs\n")
	g.Commit("theirs")
	_, err := g.Try("-C", a.Path, "rebase", "-q", "main")
	require.Error(t, err)
	requireRefused(t, r.DeleteBranch(t.Context(), a.Branch, ours), ErrCheckedOut, a.Path)
	g.GitIn(a.Path, "rebase", "--abort")
	g.GitIn(a.Path, "bisect", "start")
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	requireRefused(t, r.DeleteBranch(t.Context(), a.Branch, ours), ErrCheckedOut, a.Path)
}

func TestBranchMadeBy(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Git("branch", "plain")
	g.Git("update-ref", "-d", "refs/heads/none")
	for branch, want := range map[string]bool{a.Branch: true, "plain": false, "absent": false, "main": false} {
		made, err := r.BranchMadeBy(t.Context(), branch, a.Op)
		require.NoError(t, err, branch)
		require.Equal(t, want, made, branch)
	}
	g.Git("reflog", "expire", "--expire=all", "--all")
	made, err := r.BranchMadeBy(t.Context(), a.Branch, a.Op)
	require.NoError(t, err)
	require.False(t, made, "no entry, no proof")
	_, err = r.BranchMadeBy(t.Context(), "-x", a.Op)
	require.ErrorIs(t, err, ErrInvalidName)
}
