package flock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state/osfs/flock"
)

func open(t *testing.T, path string, flag int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flag, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func three(t *testing.T) (path string, a, b, c *os.File) {
	path = filepath.Join(t.TempDir(), "lock")
	a = open(t, path, os.O_RDWR|os.O_CREATE)
	return path, a, open(t, path, os.O_RDONLY), open(t, path, os.O_RDONLY)
}

func TestExclusiveAndShared(t *testing.T) {
	path, a, b, c := three(t)
	require.NoError(t, flock.Lock(a))
	require.ErrorIs(t, flock.TryLock(b), flock.ErrHeld)
	require.ErrorIs(t, flock.TryRLock(b), flock.ErrHeld)
	_, err := os.ReadFile(path)
	require.NoError(t, err, "a lock keeps nobody from reading")

	require.NoError(t, flock.Unlock(a))
	require.NoError(t, flock.TryRLock(b))
	require.NoError(t, flock.TryRLock(c))
	require.ErrorIs(t, flock.TryLock(a), flock.ErrHeld)
	require.NoError(t, b.Close())
	require.ErrorIs(t, flock.TryLock(a), flock.ErrHeld, "the other one has it still")
	require.NoError(t, c.Close())
	require.NoError(t, flock.TryLock(a))
}

func TestLockWaits(t *testing.T) {
	_, a, b, _ := three(t)
	require.NoError(t, flock.TryLock(a))
	got := make(chan error, 1)
	go func() { got <- flock.Lock(b) }()
	select {
	case <-got:
		t.Fatal("it did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, flock.Unlock(a))
	require.NoError(t, <-got)
}

// A child that was given the file has the lock until it ends, unless it is unlocked.
func TestAChildKeepsWhatItInherits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no locks are inherited here")
	}
	for unlock, want := range map[bool]error{false: flock.ErrHeld, true: nil} {
		_, a, b, _ := three(t)
		require.NoError(t, flock.TryLock(a))
		child := exec.Command("cat")
		child.ExtraFiles = []*os.File{a}
		in, err := child.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		if unlock {
			require.NoError(t, flock.Unlock(a))
		}
		require.NoError(t, a.Close())
		require.ErrorIs(t, flock.TryLock(b), want)
		require.NoError(t, in.Close())
		require.NoError(t, child.Wait())
		require.NoError(t, flock.TryLock(b))
	}
}
