package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

func readLog(t *testing.T, s *Store, q state.EventQuery) (p state.LogPage) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(v *state.View) (err error) {
		p, err = v.ReadLog(q)
		return err
	}))
	return p
}

func after(seq int64) *int64 { return &seq }

// A log that is too large is put aside whole, the new one says where it goes on,
// and who reads on from an event that it does not have is told.
func TestRotation(t *testing.T) {
	s, root := newBoard(t)
	s.logLimit = 1000
	other := openBoard(root)
	for i := range 20 {
		create(t, s, fmt.Sprint(i))
		create(t, other, fmt.Sprint(i))
	}
	require.NoError(t, s.Checkpoint(t.Context()))
	require.NoError(t, s.Checkpoint(t.Context()))
	log := filepath.Join(root, state.WorktreesDir, "events.jsonl")
	first, err := os.ReadFile(filepath.Join(root, state.WorktreesDir, "events-1.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 40, strings.Count(string(first), "\n"))
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Regexp(t, `^{"event":"events.continued","ts":[0-9.]+,"task":{},"worktree":{},"after_seq":40,"file":"events-1.jsonl"}\n$`, string(data))

	require.Equal(t, state.LogPage{Events: []state.Event{}, LastSeq: 40, Missed: &state.Missed{From: 1, To: 40, File: "events-1.jsonl"}}, readLog(t, other, state.EventQuery{Limit: 5, After: after(0)}))
	require.Equal(t, state.LogPage{Events: []state.Event{}, LastSeq: 40}, readLog(t, other, state.EventQuery{Limit: 5}))
	create(t, other, "41")
	p := readLog(t, s, state.EventQuery{Limit: 5, After: after(7)})
	require.EqualValues(t, 41, p.LastSeq)
	require.Equal(t, &state.Missed{From: 8, To: 40, File: "events-1.jsonl"}, p.Missed)
	require.EqualValues(t, 41, p.Events[0].Seq)
	for _, at := range []int64{40, 41} {
		require.Nil(t, readLog(t, s, state.EventQuery{Limit: 5, After: after(at)}).Missed)
	}

	for range 20 {
		create(t, other, "more")
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, state.WorktreesDir, "events-41.jsonl"), []byte("somebody's\n"), 0o644))
	require.NoError(t, s.Checkpoint(t.Context()))
	require.Equal(t, &state.Missed{From: 1, To: 61, File: "events-41.jsonl"}, readLog(t, s, state.EventQuery{Limit: 5, After: after(0)}).Missed)
	kept, err := filepath.Glob(s.private(asideName, "*-events-41.jsonl"))
	require.NoError(t, err)
	require.Len(t, kept, 1, "what had the name is kept")
}

// A checkpoint that died between the two names goes on.
func TestRotationAfterDeath(t *testing.T) {
	s, root := newBoard(t)
	s.logLimit = 10
	create(t, s, "one")
	log := filepath.Join(root, state.WorktreesDir, "events.jsonl")
	require.NoError(t, os.Link(log, filepath.Join(root, state.WorktreesDir, "events-1.jsonl")))
	require.NoError(t, s.Checkpoint(t.Context()))
	require.Equal(t, &state.Missed{From: 1, To: 1, File: "events-1.jsonl"}, readLog(t, s, state.EventQuery{Limit: 5, After: after(0)}).Missed)
	require.NoDirExists(t, s.private(asideName))
}

// A log that somebody cut is told as well.
func TestCutLogIsTold(t *testing.T) {
	s, root := newBoard(t)
	for range 5 {
		create(t, s, "x")
	}
	log := filepath.Join(root, state.WorktreesDir, "events.jsonl")
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	require.NoError(t, os.WriteFile(log, []byte(strings.Join(lines[3:], "")), 0o644))
	require.Equal(t, &state.Missed{From: 2, To: 3, File: ""}, readLog(t, s, state.EventQuery{Limit: 9, After: after(1)}).Missed)
	require.Nil(t, readLog(t, s, state.EventQuery{Limit: 9, After: after(3)}).Missed)
}

// Whatever appears in the log while somebody waits, from wherever, ends the wait.
func TestWatch(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, root := newBoard(t)
			t.Cleanup(s.Close)
			way(s)
			other := openBoard(root)
			t.Cleanup(other.Close)
			w, err := watching(s)
			require.NoError(t, err)
			defer w.Close()
			create(t, other, "there is no directory before") // between the beginning and the first Wait
			awaitSeq(t, s, w, 1)
			for seq := int64(2); seq < 5; seq++ {
				go func() { _ = creating("later").do(other) }()
				awaitSeq(t, s, w, seq)
			}
			dir := filepath.Join(root, state.WorktreesDir)
			require.NoError(t, os.Rename(dir, dir+".old"))
			go func() { _ = os.Rename(dir+".old", dir); _ = creating("again").do(other) }()
			awaitSeq(t, s, w, 5)
		})
	}
}

func watching(s *Store) (*watch, error) {
	w, err := s.Watch()
	if err != nil {
		return nil, err
	}
	return w.(*watch), nil
}

// awaitSeq waits as a tool does, but without the look that comes every few seconds.
func awaitSeq(t *testing.T, s *Store, w *watch, seq int64) {
	t.Helper()
	w.pause = time.Hour
	for readLog(t, s, state.EventQuery{Limit: 1}).LastSeq < seq {
		require.NoError(t, w.Wait(t.Context(), time.Hour))
	}
}

func TestWaitEnds(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newBoard(t)
			t.Cleanup(s.Close)
			way(s)
			w, err := watching(s)
			require.NoError(t, err)
			defer w.Close()
			require.NoError(t, w.Wait(t.Context(), time.Millisecond), "after the time")
			require.NoError(t, w.Wait(t.Context(), 0))
			w.pause = time.Millisecond
			require.NoError(t, w.Wait(t.Context(), time.Hour), "to look for what did not reach the log")
			w.pause = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			for err == nil {
				err = w.Wait(ctx, time.Hour)
			}
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, w.Wait(t.Context(), time.Millisecond), "a cancelled wait leaves the watch whole")
		})
	}
}

// What the journal knows to be flushed is of one log: in another one an offset
// means nothing, even where a line ends at it.
func TestFlushedPartIsOfOneLog(t *testing.T) {
	s, root := newBoard(t)
	first := `{"event":"events.continued","after_seq":4,"file":"events-1.jsonl"}` + "\n"
	require.NoError(t, os.MkdirAll(filepath.Join(root, state.WorktreesDir), 0o755))
	require.NoError(t, os.WriteFile(s.abs(state.EventsFile), []byte(first+"{}\n"), 0o644))
	f, err := s.openFile(s.abs(state.EventsFile))
	require.NoError(t, err)
	defer f.Close()
	for h, want := range map[header]int64{{Events: int64(len(first)), After: 4}: int64(len(first)), {Events: int64(len(first))}: 0,
		{Events: int64(len(first)), After: 3}: 0, {Events: 5, After: 4}: 0, {Events: 5000, After: 4}: 0} {
		got, err := flushedPart(f, h)
		require.NoError(t, err)
		require.Equal(t, want, got, "%+v", h)
	}
}
