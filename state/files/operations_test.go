package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// What a dead operation left is swept; what a living one has, and an intent that
// is on the board, stays.
func TestSweepOperations(t *testing.T) {
	dir := t.TempDir()
	s := Open(Config{Root: dir, Private: filepath.Join(dir, "private"), NoSync: true})
	t.Cleanup(s.Close)
	living, err := s.NewOperation()
	require.NoError(t, err)
	defer living.Close()
	ops := s.abs(state.OpsDir)
	for _, name := range []string{"dead.lock", ".dead.json.tmp", ".gone.json.tmp", ".put.json.tmp", "put.json", "put.lock", "." + living.ID + ".json.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(ops, name), []byte("{"), 0o644))
	}
	require.NoError(t, s.SweepOperations())
	require.NoError(t, s.SweepOperations(), "it may be repeated")
	var left []string
	entries, err := os.ReadDir(ops)
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.ElementsMatch(t, []string{living.ID + ".lock", "." + living.ID + ".json.tmp", "put.json", "put.lock"}, left)
}

// A sweep looks at files of operations that begin just then: none fails of it, and
// no sweep stumbles over what ended meanwhile.
func TestSweepBesideNewOperations(t *testing.T) {
	dir := t.TempDir()
	open := func() *Store {
		s := Open(Config{Root: dir, Private: filepath.Join(dir, "private"), NoSync: true})
		t.Cleanup(s.Close)
		return s
	}
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan error, 1)
	go func() {
		var errs []error
		for s := open(); ctx.Err() == nil; {
			errs = append(errs, s.SweepOperations())
		}
		swept <- errors.Join(errs...)
	}()
	s := open()
	for range 5_000 {
		op, err := s.NewOperation()
		require.NoError(t, err)
		staged := s.abs(state.OpsDir + "/" + "." + op.ID + ".json.tmp")
		require.NoError(t, os.WriteFile(staged, []byte("{"), 0o644))
		require.NoError(t, os.Remove(staged), "it is no sweep's while its operation lives")
		op.Close()
	}
	cancel()
	require.NoError(t, <-swept)
}

// Whether an operation goes on is seen while its owner, or a child that inherited
// its lock, lives; looking at it keeps nobody from taking it over.
func TestGoing(t *testing.T) {
	dir := t.TempDir()
	s := Open(Config{Root: dir, Private: filepath.Join(dir, "private"), NoSync: true})
	t.Cleanup(s.Close)
	require.False(t, s.Going("never"))
	op, err := s.NewOperation()
	require.NoError(t, err)
	require.True(t, s.Going(op.ID))
	_, err = s.TakeOver(op.ID)
	require.ErrorIs(t, err, state.ErrLockHeld)
	op.File().Close() // it dies
	require.False(t, s.Going(op.ID))

	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for ctx.Err() == nil {
			s.Going(op.ID)
			time.Sleep(100 * time.Microsecond)
		}
	}()
	for range 500 {
		taken, err := s.TakeOver(op.ID)
		require.NoError(t, err)
		taken.File().Close()
	}
	cancel()
	<-looked
}
