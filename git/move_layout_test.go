package git

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// However git keeps a checkout, a move leaves it as git itself would, and the user's
// settings of it as they were.
func TestMoveInEveryLayout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make   func(v *movable)
		status string
		after  func(v *movable)
	}{
		"index v4": {make: func(v *movable) { v.Git("update-index", "--index-version=4") },
			after: func(v *movable) {
				index, err := os.ReadFile(filepath.Join(v.Dir, ".git", "index"))
				require.NoError(v.t, err)
				require.EqualValues(v.t, 4, index[7])
			}},
		"split index":     {make: func(v *movable) { v.Git("update-index", "--split-index"); v.Write("other", "mine\n") }, status: " M other"},
		"split by config": {make: func(v *movable) { v.Git("config", "core.splitIndex", "true"); v.Git("update-index", "--refresh") }},
		"untracked cache": {make: func(v *movable) {
			v.Git("update-index", "--force-untracked-cache")
			v.Write("mine", "mine\n")
			v.Git("status")
		}, status: "?? mine"},
		"fsmonitor":      {make: func(v *movable) { v.fsmonitor() }},
		"no stat cache":  {make: func(v *movable) { v.Git("config", "core.checkStat", "minimal") }},
		"recurse":        {make: func(v *movable) { v.Git("config", "submodule.recurse", "true") }},
		"sparse":         {make: func(v *movable) { v.Git("sparse-checkout", "set", "--no-cone", "/*", "!/sub/") }, after: noSub},
		"sparse by cone": {make: func(v *movable) { v.Git("sparse-checkout", "set", "--cone", "dir") }, after: noSub},
		"sparse index":   {make: func(v *movable) { v.Git("sparse-checkout", "set", "--cone", "--sparse-index", "dir") }, after: noSub},
		"skip-worktree":  {make: func(v *movable) { v.Git("update-index", "--skip-worktree", "other"); v.Write("other", "mine\n") }},
		"packed refs":    {make: func(v *movable) { v.Git("pack-refs", "--all") }},
		"symbolic target": {make: func(v *movable) {
			v.Git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
			lock, err := v.r.LockTarget(v.t.Context(), "alias", "op-0")
			require.NoError(v.t, err)
			require.Equal(v.t, "refs/heads/main", lock.Ref)
			require.Equal(v.t, v.m.Old, lock.Head)
			lock.Unlock()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newMovable(t)
			c.make(v)
			_, err := v.moved()
			require.NoError(t, err)
			v.requireAt(v.m.New, c.status)
			if c.after != nil {
				c.after(v)
			}
			v.Git("fsck", "--no-dangling")
		})
	}
}

func noSub(v *movable) {
	v.t.Helper()
	require.NoDirExists(v.t, filepath.Join(v.Dir, "sub"))
	require.NotEmpty(v.t, v.Git("ls-files", "sub/deep/add"))
}

// fsmonitor says that nothing ever changes, and leaves a mark where it is run.
func (v *movable) fsmonitor() {
	hook := v.Write(".git/monitor", "#!/bin/sh\ntouch '"+v.Dir+"/ran'\nprintf 'x\\0'\n")
	require.NoError(v.t, os.Chmod(hook, 0o777))
	v.Git("update-index", "--fsmonitor")
	v.Git("config", "core.fsmonitor", hook)
	v.t.Cleanup(func() { require.NoFileExists(v.t, filepath.Join(v.Dir, "ran")) })
	v.Git("config", "--unset", "core.fsmonitor")
}

// A branch that a linked worktree has checked out moves there, be the repository bare
// or its main checkout elsewhere.
func TestMoveInLinkedWorktrees(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(v *movable){
		"beside a checkout": func(v *movable) { v.Git("switch", "-q", "--detach") },
		"bare": func(v *movable) {
			v.Git("config", "core.bare", "true")
			v.r = mustOpen(v.t, filepath.Join(v.Dir, ".git"))
		},
		"core.worktree": func(v *movable) {
			v.Git("switch", "-q", "--detach")
			v.Git("config", "core.worktree", v.Dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newMovable(t)
			prepare(v)
			linked := filepath.Join(gittest.TempDir(t), "linked")
			v.Git("worktree", "add", "-q", linked, "main")
			v.Write(filepath.Join(linked, "other"), "mine\n")
			out, err := v.moved()
			require.NoError(t, err)
			require.Equal(t, linked, out.Checkout)
			require.Equal(t, " M other", v.GitIn(linked, "status", "--porcelain"))
			require.Equal(t, v.m.New, v.GitIn(linked, "rev-parse", "HEAD"))
			require.Contains(t, v.GitIn(linked, "reflog", "-1"), "land lane")
		})
	}
}

// A working tree that core.worktree puts elsewhere moves along.
func TestMoveElsewhere(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	elsewhere := filepath.Join(gittest.TempDir(t), "files")
	require.NoError(t, os.Mkdir(elsewhere, 0o777))
	v.Git("config", "core.worktree", elsewhere)
	v.Git("checkout", "-q", "-f")
	v.r = mustOpen(t, filepath.Join(v.Dir, ".git"))
	out, err := v.moved()
	require.NoError(t, err)
	require.Equal(t, elsewhere, out.Checkout)
	v.requireAt(v.m.New, "")
}

// A filter of the repository's configuration runs where it is approved; where it is not
// and a file would need it, nothing moves.
func TestMoveAndFilters(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the filter is a shell command")
	}
	v := newMovable(t)
	v.Git("switch", "-q", "lane")
	v.Write(".gitattributes", "*.up filter=up\n")
	v.Write("a.up", "quiet\n")
	v.m.New = v.Commit("filtered")
	v.Git("switch", "-q", "main")
	v.Git("config", "filter.up.smudge", "tr a-z A-Z")
	v.Git("config", "filter.up.clean", "tr A-Z a-z")
	approved := v.r
	strange, err := Open(t.Context(), v.Dir)
	require.NoError(t, err)
	t.Cleanup(strange.Close)
	v.r = strange
	err = v.requireRefused()
	require.ErrorIs(t, err, ErrUnapproved)
	require.ErrorContains(t, err, "filter.up")

	v.r = approved
	mv := v.half()
	require.NoError(t, mv.swap(t.Context()))
	v.Write("a.up", "QU") // torn
	_, err = v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	v.requireAt(v.m.New, "")
	v.requireFiles(map[string]string{"a.up": "QUIET\n"})
}

// Line ends and submodules are as git's own merge leaves them.
func TestMoveLineEndsAndSubmodules(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.Git("switch", "-q", "lane")
	v.Write(".gitattributes", "*.crlf eol=crlf\n")
	v.Write("a.crlf", "one\ntwo\n")
	v.Git("update-index", "--add", "--cacheinfo", "160000,"+v.m.Old+",module")
	v.Git("add", "a.crlf", ".gitattributes")
	v.Git("commit", "-q", "-m", "ends")
	v.m.New = v.Head()
	v.Git("switch", "-q", "-f", "main")
	_, err := v.moved()
	require.NoError(t, err)
	v.requireAt(v.m.New, "")
	v.requireFiles(map[string]string{"a.crlf": "one\r\ntwo\r\n"})
	require.DirExists(t, filepath.Join(v.Dir, "module"))
}

// A directory that takes no files, or a disk that is full half-way: all is as before.
func TestMoveThatGitCannotWrite(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("whoever may write everywhere, or where permissions mean nothing")
	}
	v := newMovable(t)
	sub := filepath.Join(v.Dir, "sub")
	require.NoError(t, os.Chmod(sub, 0o555))
	before := strings.TrimSpace(v.Git("ls-files", "-s"))
	_, err := v.moved()
	require.ErrorContains(t, err, "ermission")
	require.NoError(t, os.Chmod(sub, 0o777))
	require.Equal(t, before, strings.TrimSpace(v.Git("ls-files", "-s")))
	v.requireAt(v.m.Old, "")
}
