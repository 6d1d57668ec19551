package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func TestAddWorktree(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]gittest.Option{"sha1": nil, "sha256": {gittest.SHA256()}, "many files": {gittest.Files(300)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r := newRepo(t, opts...)
			first := g.Head()
			g.Commit("second")
			g.Git("config", "branch.autoSetupMerge", "always")
			a := newAdd(g, "a")
			a.Commit = first
			require.NoError(t, r.AddWorktree(t.Context(), a))
			require.FileExists(t, filepath.Join(a.Path, "README.md"))

			list, err := r.Worktrees(t.Context())
			require.NoError(t, err)
			require.Equal(t, Worktree{Path: a.Path, Head: first, Branch: "wt/a", Entry: "a"}, list[1])
			status, err := r.Status(t.Context(), a.Path)
			require.NoError(t, err)
			require.Equal(t, Status{Branch: "wt/a", Head: first}, status, "no upstream, no changes")

			for op, want := range map[string]bool{a.Op: true, "op-b": false, "op": false} {
				g.CommitIn(a.Path, "more")
				got, err := r.BranchMadeBy(t.Context(), a.Branch, op)
				require.NoError(t, err)
				require.Equal(t, want, got, op)
			}
			require.Equal(t, "Test Committer", g.GitIn(a.Path, "log", "-1", "--format=%cn"))
		})
	}
}

func TestAddExistingBranch(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	first := g.Head()
	g.Git("branch", "topic")
	g.Commit("second")
	g.Git("tag", "topic") // another commit under the same name
	a := newAdd(g, "a")
	a.Branch, a.NewBranch, a.Commit = "topic", false, ""
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.Equal(t, first, g.GitIn(a.Path, "rev-parse", "HEAD"))
	made, err := r.BranchMadeBy(t.Context(), "topic", a.Op)
	require.NoError(t, err)
	require.False(t, made)

	b := newAdd(g, "b")
	b.NewBranch, b.Branch = false, "topic"
	b.Commit = g.Head()
	requireRefused(t, r.AddWorktree(t.Context(), b), ErrBranchMoved, "topic is at "+first)
	b.Commit = first
	requireRefused(t, r.AddWorktree(t.Context(), b), ErrCheckedOut, a.Path)
	b.Branch = "absent"
	requireRefused(t, r.AddWorktree(t.Context(), b), ErrNoBranch, "absent")
	require.NoDirExists(t, b.Path)
	_, ok, err := r.Branch(t.Context(), "topic")
	require.NoError(t, err)
	require.True(t, ok, "a branch that we did not make stays")
}

func TestAddDoesNotGuessARemoteBranch(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("remote", "add", "origin", g.Dir)
	g.Git("update-ref", "refs/remotes/origin/topic", "HEAD")
	a := newAdd(g, "a")
	a.Branch, a.NewBranch = "topic", false
	requireRefused(t, r.AddWorktree(t.Context(), a), ErrNoBranch, "topic")
	requireNothing(t, r, a)
}

func requireRefused(t *testing.T, err error, reason error, what string) {
	t.Helper()
	require.ErrorIs(t, err, reason)
	var refused *Refused
	require.ErrorAs(t, err, &refused)
	require.Contains(t, strings.Join(refused.What, "\n"), what)
	require.ErrorContains(t, err, what)
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("branch", "wt/taken")
	g.Git("branch", "deep")
	g.Git("branch", "wt/dir/x")
	g.Write("full/file", "precious")
	require.NoError(t, os.Mkdir(filepath.Join(g.Dir, "empty"), 0o777))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(g.Dir, "link")))
	before := g.Git("for-each-ref")
	for _, tc := range []struct {
		path, branch string
		reason       error
		what         string
	}{
		{"a", "wt/taken", ErrBranchExists, "wt/taken"},
		{"a", "main", ErrBranchExists, "main"},
		{"a", "deep/x", ErrBranchConflict, "deep"},
		{"a", "wt/dir", ErrBranchConflict, "wt/dir/x"},
		{"full", "wt/a", ErrPathExists, "full"},
		{"full/file", "wt/a", ErrPathExists, "file"},
		{"empty", "wt/a", ErrPathExists, "empty"},
		{"link", "wt/a", ErrPathExists, "link"},
	} {
		a := newAdd(g, "a")
		a.Path, a.Branch = filepath.Join(g.Dir, tc.path), tc.branch
		requireRefused(t, r.AddWorktree(t.Context(), a), tc.reason, tc.what)
	}
	require.Equal(t, before, g.Git("for-each-ref"))
	require.NoDirExists(t, filepath.Join(g.Dir, "a"))
	require.DirExists(t, filepath.Join(g.Dir, "empty"))
	require.FileExists(t, filepath.Join(g.Dir, "full", "file"))
}

func TestAddRefusesHostileInput(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	bad := func(change func(a *Add)) {
		t.Helper()
		a := newAdd(g, "a")
		change(&a)
		require.ErrorIs(t, r.AddWorktree(t.Context(), a), ErrInvalidName)
	}
	for _, name := range hostileNames() {
		bad(func(a *Add) { a.Branch = name })
	}
	for _, path := range []string{"", "relative", "-x", "/", g.Dir + "/a\x00b"} {
		bad(func(a *Add) { a.Path = path })
	}
	for _, commit := range []string{"", "HEAD", "--detach", g.Head()[:39]} {
		bad(func(a *Add) { a.Commit = commit })
	}
	bad(func(a *Add) { a.Op = "a b" })
	a := newAdd(g, "a")
	a.Commit = strings.Repeat("1", 40)
	require.Error(t, r.AddWorktree(t.Context(), a))
	requireNothing(t, r, a)
	a.Commit = g.Git("rev-parse", "HEAD^{tree}")
	require.Error(t, r.AddWorktree(t.Context(), a))
	requireNothing(t, r, a)
}

func TestAddWhereAMissingWorktreeIsRegistered(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	old := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), old))
	require.NoError(t, os.RemoveAll(old.Path))
	a := newAdd(g, "b")
	a.Path = old.Path
	requireRefused(t, r.AddWorktree(t.Context(), a), ErrRegistered, old.Path)
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.True(t, list[1].Prunable)
	require.NoError(t, r.drop(t.Context(), old.Path, nil))
	require.NoError(t, r.AddWorktree(t.Context(), a))
}

func TestAddInARepositoryWithoutCommits(t *testing.T) {
	t.Parallel()
	_, r := newRepo(t, gittest.Empty())
	a := Add{Path: filepath.Join(r.Root(), "a"), Branch: "wt/a", Commit: strings.Repeat("1", 40), NewBranch: true, Op: "op"}
	require.Error(t, r.AddWorktree(t.Context(), a))
	requireNothing(t, r, a)
}

// addFilter makes every .txt file go through a smudge filter.
func addFilter(g *gittest.Repo, command string) {
	g.Write(".gitattributes", "*.txt filter=x\n")
	g.Write("a.txt", "a\n")
	g.Write("b.txt", "b\n")
	g.Commit("filter")
	g.Git("config", "filter.x.required", "true")
	g.Git("config", "filter.x.clean", "cat")
	g.Git("config", "filter.x.smudge", command)
}

func TestAddWithFailingFilterLeavesNothing(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	addFilter(g, "echo no such object >&2; false")
	a := newAdd(g, "a")
	err := r.AddWorktree(t.Context(), a)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Stderr, "no such object")
	require.Equal(t, 128, e.ExitCode)
	requireNothing(t, r, a)
}

func TestCancelledAddLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"filter sleeps":           "sleep 60",
		"filter ignores SIGTERM":  "trap '' TERM INT; sleep 60",
		"grandchild stays behind": "sleep 60 & sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r := newRepo(t)
			addFilter(g, command)
			a := newAdd(g, "a")
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				for !exists(filepath.Join(r.CommonDir(), "worktrees", "a", "index.lock")) {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}()
			start := time.Now()
			require.ErrorIs(t, r.AddWorktree(ctx, a), context.Canceled)
			require.Less(t, time.Since(start), 10*time.Second)
			requireNothing(t, r, a)
		})
	}
}

func TestAddWithCancelledContextLeavesNothing(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := newAdd(g, "a")
	require.ErrorIs(t, r.AddWorktree(ctx, a), context.Canceled)
	requireNothing(t, r, a)
}

// A stranger's file that appears in the new directory before git comes to it is
// kept.
func TestAddKeepsAStrangersFile(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	unlock, err := r.lock(t.Context())
	require.NoError(t, err)
	a := newAdd(g, "a")
	result := make(chan error, 1)
	go func() { result <- r.AddWorktree(context.Background(), a) }()
	require.Eventually(t, func() bool { return exists(a.Path) }, 5*time.Second, time.Millisecond)
	file := g.Write(filepath.Join(a.Path, "precious"), "x")
	unlock()
	require.ErrorIs(t, <-result, ErrPathExists)
	require.FileExists(t, file)
	_, ok, err := r.Branch(t.Context(), a.Branch)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestAddRunsNoHooks(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	marker := filepath.Join(g.Dir, "hook-ran")
	for _, hook := range []string{"post-checkout", "reference-transaction", "post-index-change"} {
		require.NoError(t, os.Chmod(g.Write(".git/hooks/"+hook, "#!/bin/sh\ntouch '"+marker+"'\n"), 0o777))
	}
	g.Git("config", "core.fsmonitor", "touch '"+marker+"'; false")
	require.NoError(t, os.RemoveAll(marker))
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	_, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
	require.NoFileExists(t, marker)
}

func TestAddWaitsForALockFileOfTheUser(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("pack-refs", "--all")
	lock := g.Write(".git/refs/heads/wt/a.lock", "")
	time.AfterFunc(150*time.Millisecond, func() { os.Remove(lock) })
	require.NoError(t, r.AddWorktree(t.Context(), newAdd(g, "a")))

	stale := g.Write(".git/refs/heads/wt/b.lock", "")
	b := newAdd(g, "b")
	require.ErrorIs(t, r.AddWorktree(t.Context(), b), ErrBusy)
	require.NoError(t, os.Remove(stale))
	requireNothing(t, r, b)
}

func TestAddWithSparseCheckout(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t, gittest.Files(300))
	g.Git("sparse-checkout", "set", "dir000") // turns on extensions.worktreeConfig
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.FileExists(t, filepath.Join(a.Path, "dir000", "file00000.txt"))
	require.NoDirExists(t, filepath.Join(a.Path, "dir001"))
	status, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.Empty(t, status.Changed())
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
}

func TestAddAndRemoveWithSubmodule(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	lib := gittest.NewRepo(t)
	g.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.Dir, "lib")
	g.Commit("lib")
	g.Git("config", "submodule.recurse", "true")
	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.NoFileExists(t, filepath.Join(a.Path, "lib", ".git"))

	g.GitIn(a.Path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
	inner := filepath.Join(a.Path, "lib")
	g.GitIn(inner, "branch", "own", g.GitIn(inner, "commit-tree", "-p", "HEAD", "-m", "own", "HEAD^{tree}"))
	requireRefused(t, removed(r, t.Context(), Remove{Path: a.Path}), ErrSubmodules, "lib")
	require.FileExists(t, filepath.Join(a.Path, "lib", "README.md"))
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path, Force: true}))
	requireUnregistered(t, r, a.Path)
}

func TestAddByASymlinkedPath(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	link := filepath.Join(gittest.TempDir(t), "link")
	require.NoError(t, os.Symlink(g.Dir, link))
	a := newAdd(g, "a")
	a.Path = filepath.Join(link, ".worktrees", "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.Equal(t, g.Dir, mustOpen(t, link).Root())
	_, err := r.Status(t.Context(), a.Path)
	require.NoError(t, err)
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
	requireUnregistered(t, r, a.Path)
}

func TestFinishAndUndo(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	a := newAdd(g, "a")
	require.ErrorIs(t, r.FinishAdd(t.Context(), a), os.ErrNotExist)
	require.NoError(t, r.UndoAdd(t.Context(), a), "nothing to undo")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.NoError(t, r.FinishAdd(t.Context(), a))

	require.ErrorIs(t, r.UndoAdd(t.Context(), a), ErrCheckedOut, "a finished one is not undone")
	admin, err := r.adminDir(a.Path)
	require.NoError(t, err)
	lock := g.Write(filepath.Join(admin, "locked"), LockReason(a.Op)+"\n")
	g.Write(filepath.Join(a.Path, "work"), "x")
	requireRefused(t, r.UndoAdd(t.Context(), a), ErrDirty, "work")
	require.NoError(t, r.FinishAdd(t.Context(), a))
	require.NoFileExists(t, lock)

	g.Write(lock, LockReason(a.Op)+"\n")
	g.CommitIn(a.Path, "work")
	require.ErrorIs(t, r.FinishAdd(t.Context(), a), ErrIncomplete)
	require.ErrorIs(t, r.UndoAdd(t.Context(), a), ErrBranchMoved, "the commit stays")
	_, ok, err := r.Branch(t.Context(), a.Branch)
	require.NoError(t, err)
	require.True(t, ok)

	g.Git("branch", "wt/theirs")
	b := newAdd(g, "theirs")
	require.NoError(t, r.UndoAdd(t.Context(), b))
	_, ok, err = r.Branch(t.Context(), "wt/theirs")
	require.NoError(t, err)
	require.True(t, ok, "no mark, not ours")
}
