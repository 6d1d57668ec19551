package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// lateWork is what a process that is in the directory does while it is waited for.
func lateWork(g *gittest.Repo) map[string]func(files string) {
	return map[string]func(files string){
		"a new file":     func(files string) { g.Write(filepath.Join(files, "late"), "late\n") },
		"a changed file": func(files string) { g.Write(filepath.Join(files, "README.md"), "late\n") },
		"a staged file": func(files string) {
			g.Write(filepath.Join(files, "late"), "late\n")
			g.GitIn(files, "add", "late")
		},
		"a commit": func(files string) { g.GitIn(files, "commit", "-q", "--allow-empty", "-m", "late") },
		"a ref of the worktree's own": func(files string) {
			late := g.GitIn(files, "commit-tree", "-m", "late", "HEAD^{tree}")
			g.GitIn(files, "update-ref", "refs/worktree/late", late)
		},
	}
}

// What is done while the caller's last question is asked is looked at, however
// quickly it was over.
func TestWorkOfTheLastMomentIsNotLost(t *testing.T) {
	t.Parallel()
	for name := range lateWork(nil) {
		for _, force := range []bool{false, true} {
			t.Run(map[bool]string{false: "", true: "forced, "}[force]+name, func(t *testing.T) {
				t.Parallel()
				g, r, a := addOne(t)
				g.GitIn(a.Path, "checkout", "-q", "--detach")
				var late string
				trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: force, Last: func(files string) error {
					lateWork(g)[name](files)
					late = g.GitIn(files, "rev-parse", "HEAD")
					if name == "a ref of the worktree's own" {
						late = g.GitIn(files, "rev-parse", "refs/worktree/late")
					}
					return nil
				}})
				if !force && name != "a ref of the worktree's own" {
					_, whole := Refusals(err)
					require.True(t, whole, "%v", err)
					require.Contains(t, g.GitIn(a.Path, "for-each-ref", "refs/worktree")+g.GitIn(a.Path, "rev-parse", "HEAD"), late)
					return
				}
				require.NoError(t, err)
				require.Contains(t, g.Git("rev-list", "--all"), late)
				require.NoError(t, r.EmptyTrash(t.Context(), Trash{Dir: trash.Dir, Precious: true}))
				_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: a.Path, Op: "op2"})
				require.NoError(t, err)
				switch name {
				case "a commit":
					require.Equal(t, late, g.GitIn(a.Path, "rev-parse", "HEAD"))
				case "a ref of the worktree's own":
					require.Equal(t, late, g.GitIn(a.Path, "rev-parse", "refs/worktree/late"))
				default:
					require.Contains(t, g.GitIn(a.Path, "status", "--porcelain"), map[string]string{"a changed file": "README.md"}[name])
					require.NotEmpty(t, g.GitIn(a.Path, "status", "--porcelain"))
				}
			})
		}
	}
}

// A file that was written by somebody who had it open, after the last look, stays
// with the whole trash.
func TestTrashThatIsWrittenToIsNotEmptied(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	open, err := os.OpenFile(filepath.Join(a.Path, "README.md"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	defer open.Close()
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
	require.NoError(t, err)
	require.False(t, trash.Precious)
	_, err = open.WriteString("late\n")
	require.NoError(t, err)
	require.NoError(t, r.EmptyTrash(t.Context(), trash))
	require.FileExists(t, filepath.Join(trash.Dir, "files", "README.md"))
	_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: a.Path, Op: "op2"})
	require.NoError(t, err)
	require.Contains(t, g.GitIn(a.Path, "status", "--porcelain"), "README.md")
}

// A call that ends amid the last look puts everything back, forced or not.
func TestEndOfTheCallAmidTheLastLookPutsBack(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.RemoveWorktree(ctx, Remove{Path: a.Path, Op: "op1", Force: true, Last: func(files string) error {
		g.Write(filepath.Join(files, "late"), "late\n")
		cancel()
		return nil
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.FileExists(t, filepath.Join(a.Path, "late"))
	require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")
}

// Anybody may prune while the directory is away, or lock the worktree before.
func TestPruneDuringARemoval(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	prune := func(files string) error {
		g.Git("worktree", "prune", "--expire=now")
		return nil
	}
	occupied := errors.New("somebody is in it")
	_, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Last: func(files string) error {
		return errors.Join(prune(files), occupied)
	}})
	require.ErrorIs(t, err, occupied)
	g.GitIn(a.Path, "status")
	require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")

	g.Git("worktree", "lock", "--reason", "on a stick", a.Path)
	_, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op2", Force: true, Last: func(string) error { return occupied }})
	require.ErrorIs(t, err, occupied)
	require.Contains(t, g.Git("worktree", "list", "--porcelain"), "locked on a stick")
	g.Git("worktree", "unlock", a.Path)

	_, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op3", Last: prune})
	require.NoError(t, err)
	_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op3", Path: a.Path, Op: "op4"})
	require.NoError(t, err)
	require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
}

// What cannot be put back is said to be in the trash, and comes back from there.
func TestStrandedRemoval(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(g *gittest.Repo, path string){
		"something at its path": func(g *gittest.Repo, path string) { g.Write(filepath.Join(path, "out", "x"), "x") },
		"no entry any more": func(g *gittest.Repo, path string) {
			require.NoError(t, os.RemoveAll(filepath.Join(g.Dir, ".git", "worktrees", "a")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r, a := addOne(t)
			g.Write(".git/info/exclude", "ignored\n")
			g.Write(filepath.Join(a.Path, "ignored"), "x")
			g.Write(filepath.Join(a.Path, "new"), "new\n")
			_, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: true, Last: func(string) error {
				late(g, a.Path)
				return errors.New("somebody is in it")
			}})
			var stranded *Stranded
			require.ErrorAs(t, err, &stranded)
			require.ErrorContains(t, err, "somebody is in it")
			require.FileExists(t, filepath.Join(stranded.Files, "ignored"))
			require.Equal(t, name == "something at its path", stranded.Whole)
			out, err := r.RestoreWorktree(t.Context(), Restore{Snapshot: stranded.Snapshot, Path: a.Path + "2", Op: "op2"})
			require.NoError(t, err)
			require.Equal(t, stranded.Whole, out.FromTrash)
			require.FileExists(t, filepath.Join(a.Path+"2", "new"))
		})
	}
}

// A kill after the rename of the directory: what somebody makes at its path then is
// no sign that nothing was removed, and what came late is in the snapshot.
func TestFinishRemoveBesideAStrayDirectory(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.GitIn(a.Path, "checkout", "-q", "--detach")
	rm := Remove{Path: a.Path, Op: "op1", Force: true}
	_, err := r.TakeSnapshot(t.Context(), rm.capture())
	require.NoError(t, err)
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	require.NoError(t, hold(admin, rm.Op))
	_, err = r.FinishRemove(t.Context(), rm)
	require.ErrorIs(t, err, ErrPathExists)
	require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")

	require.NoError(t, hold(admin, rm.Op))
	late := g.CommitIn(a.Path, "late")
	_, err = r.setAside(a.Path, rm.Op)
	require.NoError(t, err)
	g.Write(filepath.Join(a.Path, "out", "x"), "x")
	for range 2 {
		trash, err := r.FinishRemove(t.Context(), rm)
		require.NoError(t, err)
		require.Equal(t, late, trash.Snapshot.Head)
		require.FileExists(t, filepath.Join(trash.Dir, "files", "README.md"))
	}
	require.FileExists(t, filepath.Join(a.Path, "out", "x"))
	requireUnlisted(t, r, a.Path)
	require.Contains(t, g.Git("rev-list", "--all"), late)
}

// Many restores of one snapshot: one has the trash, the others the snapshot.
func TestParallelRestores(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(filepath.Join(a.Path, "new"), "new\n")
	_, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: true})
	require.NoError(t, err)
	var group sync.WaitGroup
	outs, errs := make([]Restored, 6), make([]error, 6)
	for i := range outs {
		group.Go(func() {
			path := fmt.Sprintf("%s%d", a.Path, i)
			outs[i], errs[i] = r.RestoreWorktree(context.Background(), Restore{Snapshot: "op1", Path: path, Branch: fmt.Sprintf("wt/x%d", i), Op: fmt.Sprintf("op1-%d", i)})
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	fromTrash := 0
	for i, out := range outs {
		require.FileExists(t, filepath.Join(fmt.Sprintf("%s%d", a.Path, i), "new"))
		if out.FromTrash {
			fromTrash++
		}
	}
	require.Equal(t, 1, fromTrash)
}

// A sweep leaves what somebody is at work on, also where that began at the last moment.
func TestSweepLeavesWhatIsAtWork(t *testing.T) {
	t.Parallel()
	_, r, a := addOne(t)
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: true})
	require.NoError(t, err)
	var asked []string
	sweep := func(busyAt int) {
		asked = nil
		require.NoError(t, r.SweepTrash(t.Context(), filepath.Dir(a.Path), Keep{Before: time.Now().Add(time.Hour), Busy: func(id string) bool {
			asked = append(asked, id)
			return len(asked) == busyAt
		}}))
	}
	for _, at := range []int{1, 2} {
		sweep(at)
		require.Len(t, asked, at)
		require.DirExists(t, trash.Dir)
	}
	require.NoError(t, os.Rename(trash.Dir, trash.Dir+parked)) // a sweep that died
	sweep(1)
	require.DirExists(t, trash.Dir)
	_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: a.Path, Op: "op2"})
	require.NoError(t, err)
	_, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op3", Force: true})
	require.NoError(t, err)
	sweep(0)
	require.Equal(t, []string{"op3", "op3"}, asked)
	left, err := os.ReadDir(filepath.Dir(trash.Dir))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A removal that died while it locked the entry leaves nothing in it.
func TestRemovalThatDiedLockingLeavesNothing(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	a := newAdd(g, "lane")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	admin := filepath.Join(g.Dir, ".git", "worktrees", "lane")
	for _, name := range []string{"locked.lock", "locked.lock.wt-mcp"} {
		require.NoError(t, os.WriteFile(filepath.Join(admin, name), []byte(LockReason("op1")), 0o644))
	}
	_, err := r.FinishRemove(t.Context(), Remove{Path: a.Path, Op: "op1"})
	require.ErrorIs(t, err, ErrPathExists)
	left, err := filepath.Glob(filepath.Join(admin, "locked*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
