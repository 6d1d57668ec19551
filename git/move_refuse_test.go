package git

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// everything is all that lies in the repository but for our own directory.
func (v *movable) everything() map[string]string {
	v.t.Helper()
	all := gittest.Tree(v.t, v.Dir)
	maps.DeleteFunc(all, func(name, _ string) bool {
		return strings.HasPrefix(name, filepath.Join(v.Dir, ".git", "wt-mcp")) || name == filepath.Join(v.Dir, ".git")
	})
	return all
}

// requireRefused checks that neither CheckMove nor Move changes a byte, and gives why.
func (v *movable) requireRefused() error {
	v.t.Helper()
	before := v.everything()
	_, looked := v.r.CheckMove(v.t.Context(), v.m)
	require.Error(v.t, looked)
	require.Equal(v.t, before, v.everything(), "CheckMove")
	_, err := v.moved()
	require.Error(v.t, err)
	require.Equal(v.t, looked.Error(), err.Error())
	require.Equal(v.t, before, v.everything(), "Move")
	return err
}

// Invariant 8: what is the user's in a path that a move changes is a refusal that names
// it, whatever git itself would have done.
func TestMoveRefusesWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(v *movable)
		want []Obstacle
	}{
		"modified":             {func(v *movable) { v.Write("mod", "mine\n") }, []Obstacle{{"mod", "modified"}}},
		"modified and deleted": {func(v *movable) { v.Write("del", "mine\n") }, []Obstacle{{"del", "modified"}}},
		"deleted":              {func(v *movable) { v.remove("mod") }, []Obstacle{{"mod", "deleted"}}},
		"staged": {func(v *movable) { v.Write("mod", "mine\n"); v.Git("add", "mod") },
			[]Obstacle{{"mod", "staged"}}},
		"staged, and put back": {func(v *movable) { v.Write("mod", "mine\n"); v.Git("add", "mod"); v.Write("mod", "old mod\n") },
			[]Obstacle{{"mod", "staged"}}},
		"staged for removal": {func(v *movable) { v.Git("rm", "-q", "--cached", "mod") }, []Obstacle{{"mod", "staged"}}},
		"taken from the index": {func(v *movable) { v.Git("rm", "-q", "--cached", "del") },
			[]Obstacle{{"del", "untracked"}}},
		"untracked":  {func(v *movable) { v.Write("add", "mine\n") }, []Obstacle{{"add", "untracked"}}},
		"same bytes": {func(v *movable) { v.Write("add", "new add\n") }, []Obstacle{{"add", "untracked"}}},
		"ignored": {func(v *movable) { v.ignore("add"); v.Write("add", "mine\n") },
			[]Obstacle{{"add", "ignored"}}},
		"ignored directory": {func(v *movable) { v.ignore("add"); v.Write("add/secret", "mine\n") },
			[]Obstacle{{"add/secret", "ignored"}}},
		"untracked directory": {func(v *movable) { v.Write("add/mine", "mine\n") }, []Obstacle{{"add/mine", "untracked"}}},
		"file in the place of a directory": {func(v *movable) { v.Write("sub/deep", "mine\n") },
			[]Obstacle{{"sub/deep", "untracked"}}},
		"ignored file in the place of a directory": {func(v *movable) { v.ignore("deep"); v.Write("sub/deep", "mine\n") },
			[]Obstacle{{"sub/deep", "ignored"}}},
		"untracked in a directory that becomes a file": {func(v *movable) { v.Write("dir/mine", "mine\n") },
			[]Obstacle{{"dir/mine", "untracked"}}},
		"ignored in a directory that becomes a file": {func(v *movable) { v.ignore("mine"); v.Write("dir/mine", "mine\n") },
			[]Obstacle{{"dir/mine", "ignored"}}},
		"repository": {func(v *movable) { v.Git("init", "-q", "sub/deep") }, []Obstacle{{"sub/deep", "repository"}}},
		"assume-unchanged": {func(v *movable) { v.Git("update-index", "--assume-unchanged", "mod"); v.Write("mod", "mine\n") },
			[]Obstacle{{"mod", "hidden"}}},
		"skip-worktree": {func(v *movable) { v.Git("update-index", "--skip-worktree", "mod"); v.Write("mod", "mine\n") },
			[]Obstacle{{"mod", "hidden"}}},
		"intent to add": {func(v *movable) { v.Write("add", "mine\n"); v.Git("add", "-N", "add") },
			[]Obstacle{{"add", "staged"}}},
		"modified as git add ended": {func(v *movable) { v.racily("mod", "0ld mod\n") }, []Obstacle{{"mod", "modified"}}},
		"several": {func(v *movable) {
			v.ignore("add")
			v.Write("add", "mine\n")
			v.Write("mod", "mine\n")
			v.Write("sub/mod", "mine\n")
		},
			[]Obstacle{{"mod", "modified"}, {"sub/mod", "modified"}, {"add", "ignored"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newMovable(t)
			c.make(v)
			err := v.requireRefused()
			var way *InTheWay
			require.ErrorAs(t, err, &way)
			require.Equal(t, &InTheWay{Checkout: v.Dir, Files: c.want}, way)
		})
	}
}

func (v *movable) remove(name string) {
	v.t.Helper()
	require.NoError(v.t, os.RemoveAll(filepath.Join(v.Dir, name)))
}

// racily changes a file without changing its size within one tick of the clock that the
// index was written in: only its content tells.
func (v *movable) racily(name, content string) {
	v.t.Helper()
	tick := time.Now().Add(-time.Minute)
	path := filepath.Join(v.Dir, name)
	v.Git("config", "core.trustctime", "false") // which nobody can set
	require.NoError(v.t, os.Chtimes(path, tick, tick))
	v.Git("update-index", "--refresh")
	v.Write(name, content)
	for _, file := range []string{path, filepath.Join(v.Dir, ".git", "index")} {
		require.NoError(v.t, os.Chtimes(file, tick, tick))
	}
}

func (v *movable) ignore(pattern string) { v.Write(".git/info/exclude", pattern+"\n") }

// A link in the place of a directory leads nowhere that the move would write.
func TestMoveFollowsNoLink(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege here")
	}
	v := newMovable(t)
	elsewhere := t.TempDir()
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(v.Dir, "sub", "deep")))
	require.ErrorContains(t, v.requireRefused(), "sub/deep (untracked)")
	v.remove("sub/deep")
	v.remove("sub")
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "mod"), []byte("old sub/mod\n"), 0o666))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(v.Dir, "sub")))
	require.ErrorContains(t, v.requireRefused(), "sub (untracked)")
}

// What is the user's and needs no writing stays: other files, and what they have staged
// already just as it comes.
func TestMoveLeavesTheRest(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.Write("add", "new add\n")
	v.Git("add", "add")
	v.Write("add", "and more of mine\n")
	v.Git("rm", "-q", "del")
	v.Write("sub/mine", "mine\n")
	require.NoError(t, os.MkdirAll(filepath.Join(v.Dir, "sub", "deep", "empty"), 0o777))
	later := v.Write("mod", "old mod\n") // the same, at another time
	require.NoError(t, os.Chtimes(later, fixedTime(), fixedTime()))
	_, err := v.moved()
	require.NoError(t, err)
	v.requireAt(v.m.New, " M add\n?? sub/mine")
	content, err := os.ReadFile(filepath.Join(v.Dir, "add"))
	require.NoError(t, err)
	require.Equal(t, "and more of mine\n", string(content))
}

// Where an operation is under way nothing moves below it.
func TestMoveRefusesOperations(t *testing.T) {
	t.Parallel()
	begin := func(v *movable, args ...string) { _, _ = v.Try(args...) }
	clash := func(v *movable) {
		v.Git("switch", "-q", "-c", "clash")
		v.Write("other", "clash\n")
		v.Commit("clash")
		v.Git("switch", "-q", "main")
		v.Write("other", "main\n")
		v.m.Old = v.Commit("main")
		v.m.New = v.Git("commit-tree", "-p", v.m.Old, "-m", "new", v.m.Old+"^{tree}")
	}
	for name, c := range map[string]struct {
		make func(v *movable)
		want error
		what string
	}{
		"merge":       {func(v *movable) { clash(v); begin(v, "merge", "clash") }, ErrOperation, "merge in "},
		"cherry-pick": {func(v *movable) { clash(v); begin(v, "cherry-pick", "clash") }, ErrOperation, "cherry-pick in "},
		"revert": {func(v *movable) {
			clash(v)
			begin(v, "revert", "HEAD~1", "--no-edit")
			begin(v, "revert", "-n", "HEAD~1")
		}, ErrOperation, "revert in "},
		"rebase": {func(v *movable) { clash(v); begin(v, "rebase", "clash") }, ErrOperation, "rebase or bisect in "},
		"rebase elsewhere": {func(v *movable) {
			clash(v)
			v.Git("switch", "-q", "lane")
			v.Git("worktree", "add", "-q", filepath.Join(v.Dir, ".git", "elsewhere"), "main")
			begin(v, "-C", ".git/elsewhere", "rebase", "clash")
		}, ErrOperation, "elsewhere"},
		"bisect": {func(v *movable) { v.Git("bisect", "start", "HEAD", "HEAD~1"); v.Git("switch", "-q", "--detach") }, ErrOperation, "bisect in "},
		"unmerged": {func(v *movable) { clash(v); begin(v, "merge", "clash"); v.remove(".git/MERGE_HEAD") },
			ErrConflicted, "other"},
		"twice": {func(v *movable) {
			v.Git("worktree", "add", "-q", "--force", filepath.Join(v.Dir, ".git", "elsewhere"), "main")
		}, ErrCheckedOut, "elsewhere"},
		"away": {func(v *movable) {
			v.Git("switch", "-q", "lane")
			v.Git("worktree", "add", "-q", filepath.Join(v.Dir, ".git", "elsewhere"), "main")
			v.remove(".git/elsewhere")
		}, ErrAway, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newMovable(t)
			c.make(v)
			err := v.requireRefused()
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.what)
		})
	}
}

// The index lock of somebody is waited for, and not for long; nor is it touched.
func TestMoveWaitsForTheIndex(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.Write(".git/index.lock", "")
	before := v.everything()
	_, err := v.moved()
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "index.lock")
	require.Equal(t, before, v.everything())
	done := make(chan error, 1)
	go func() { _, err := v.r.Move(t.Context(), v.m); done <- err }()
	v.remove(".git/index.lock")
	require.NoError(t, <-done)
	v.requireAt(v.m.New, "")
}

// A branch that somebody moves meanwhile is not moved, and the files are back.
func TestMoveLosesAgainstSomebody(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	other := v.Git("commit-tree", "-p", v.m.Old, "-m", "other", v.m.Old+"^{tree}")
	mv, err := v.r.plan(t.Context(), v.m)
	require.NoError(t, err)
	require.NoError(t, mv.judge(t.Context()))
	require.NoError(t, mv.lockIndex(t.Context()))
	v.Git("update-ref", "refs/heads/main", other)
	require.ErrorIs(t, mv.along(t.Context()), ErrBranchMoved)
	require.NoError(t, errors.Join(mv.unlockIndex(), mv.sweep()))
	v.requireAt(other, "")
}
