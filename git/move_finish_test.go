package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dirty gives the user what a move must leave, as git tells of it.
func (v *movable) dirty() (status string, files map[string]string) {
	files = map[string]string{"other": "mine\n", "untracked": "mine\n", "staged": "mine\n", "sub/mine.o": "mine\n"}
	v.ignore("*.o")
	for name, content := range files {
		v.Write(name, content)
	}
	v.Git("add", "staged")
	return " M other\nA  staged\n?? untracked", files
}

func (v *movable) requireFiles(files map[string]string) {
	v.t.Helper()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(v.Dir, filepath.FromSlash(name)))
		require.NoError(v.t, err)
		require.Equal(v.t, want, string(got), name)
	}
}

// steps are what a move does one after the other, each an instant at which it may die.
func steps(mv *moving) []func(context.Context) error {
	plain := func(f func() error) func(context.Context) error { return func(context.Context) error { return f() } }
	return []func(context.Context) error{
		mv.judge, plain(mv.createLock), mv.confirm,
		func(ctx context.Context) error { return mv.readTree(ctx, mv.Old, mv.New) },
		mv.swap, plain(mv.publish), plain(mv.unlockIndex),
	}
}

const swapped = 5 // so many steps are done when the branch has moved

// Invariant 13: whichever step was the last, the move is finished or taken back, and so
// it is where the finishing is repeated. Nothing of the user's changes.
func TestFinishMoveAfterEachStep(t *testing.T) {
	t.Parallel()
	for n := range len(steps(&moving{})) + 1 {
		v := newMovable(t)
		status, files := v.dirty()
		mv, err := v.r.plan(t.Context(), v.m)
		require.NoError(t, err)
		for _, step := range steps(mv)[:n] {
			require.NoError(t, step(t.Context()))
		}
		out, err := v.r.FinishMove(t.Context(), v.m)
		require.NoError(t, err)
		require.Equal(t, n >= swapped, out.Landed, "after %d steps", n)
		require.Empty(t, out.Left)
		v.requireAt(map[bool]string{false: v.m.Old, true: v.m.New}[out.Landed], status)
		v.requireFiles(files)
		again, err := v.r.FinishMove(t.Context(), v.m)
		require.NoError(t, err)
		require.Equal(t, Finished{Landed: out.Landed}, again)
		if !out.Landed {
			_, err = v.moved()
			require.NoError(t, err)
		}
		v.requireAt(v.m.New, status)
	}
}

// half lets a move die when git had written its files.
func (v *movable) half() *moving {
	v.t.Helper()
	mv, err := v.r.plan(v.t.Context(), v.m)
	require.NoError(v.t, err)
	for _, step := range steps(mv)[:swapped-1] {
		require.NoError(v.t, step(v.t.Context()))
	}
	return mv
}

// What git had written in part, or taken away and not written, is the move's.
func TestFinishMoveMendsTornFiles(t *testing.T) {
	t.Parallel()
	for _, forward := range []bool{false, true} {
		v := newMovable(t)
		mv := v.half()
		v.Write("mod", "new")
		v.Write("add", "")
		v.remove("sub/mod")
		v.remove("dir")
		at := v.m.Old
		if forward {
			require.NoError(t, mv.swap(t.Context()))
			at = v.m.New
		}
		out, err := v.r.FinishMove(t.Context(), v.m)
		require.NoError(t, err)
		require.Equal(t, Finished{Landed: forward, Checkout: v.Dir}, out)
		v.requireAt(at, "")
	}
}

// What the user did in the files of a move after its death stays, and is told.
func TestFinishMoveLeavesWhatIsTheUsers(t *testing.T) {
	t.Parallel()
	for forward, status := range map[bool]string{false: " M mod\n?? add", true: " M add\n M mod"} {
		v := newMovable(t)
		mv := v.half()
		mine := map[string]string{"mod": "mine\n", "add": "mine\n"}
		for name, content := range mine {
			v.Write(name, content)
		}
		at := v.m.Old
		if forward {
			require.NoError(t, mv.swap(t.Context()))
			at = v.m.New
		}
		out, err := v.r.FinishMove(t.Context(), v.m)
		require.NoError(t, err)
		require.Equal(t, []string{"add", "mod"}, out.Left)
		v.requireAt(at, status)
		v.requireFiles(mine)
	}
}

// A user who takes the lock of a dead move away and commits keeps what they committed.
func TestFinishMoveAfterItsLockWasTaken(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	v.half()
	v.remove(".git/index.lock")
	out, err := v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	require.Equal(t, Finished{Checkout: v.Dir}, out)
	v.requireAt(v.m.Old, "")

	v.half()
	v.remove(".git/index.lock")
	v.Git("commit", "-q", "--all", "-m", "whatever there is")
	head := v.Head()
	out, err = v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	require.False(t, out.Landed)
	require.Equal(t, head, v.Head())
	require.Empty(t, v.Git("diff", "HEAD", "--name-only", "--", "mod", "sub/mod"))
	v.requireSwept()
}

// A lock of somebody else is not taken for one of the move's.
func TestFinishMoveLeavesOtherLocks(t *testing.T) {
	t.Parallel()
	v := newMovable(t)
	lock := v.Write(".git/index.lock", "wt-mcp 1 op-other\n")
	out, err := v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	require.Equal(t, Finished{}, out)
	require.FileExists(t, lock)
	v.half0(t)
	_, err = v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err, "it had not begun, so it needs no lock")
	require.FileExists(t, lock)
	refLock := v.Write(".git/refs/heads/main.lock", v.m.New+"\n")
	_, err = v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	require.NoFileExists(t, refLock)
	refLock = v.Write(".git/refs/heads/main.lock", strings.Repeat("1", 40)+"\n")
	_, err = v.r.FinishMove(t.Context(), v.m)
	require.NoError(t, err)
	require.FileExists(t, refLock)
}

// half0 lets a move die before it has locked anything.
func (v *movable) half0(t *testing.T) {
	t.Helper()
	mv, err := v.r.plan(t.Context(), v.m)
	require.NoError(t, err)
	require.NoError(t, mv.judge(t.Context()))
}
