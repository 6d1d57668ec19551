package files

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// benchDir is a fresh directory in memory, where there is such a place.
func benchDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wt-mcp-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// bigBoard is a board of n tasks of ordinary length, most of them blocked by two others.
func bigBoard(b *testing.B, n int) string {
	b.Helper()
	root := benchDir(b)
	require.NoError(b, os.MkdirAll(filepath.Join(root, state.TasksDir), 0o755))
	for id := 1; id <= n; id++ {
		t := state.Task{ID: id, Subject: fmt.Sprintf("Implement part %d of the auth refactor", id), Status: state.Statuses()[id%3], Priority: id % 5, Version: 1,
			Description: "Move the session check into the middleware, keep the old cookie readable, and cover both with tests that run in CI.",
			Owner:       fmt.Sprintf("agent-%d", id%7), Labels: []string{"auth", "backend"}, CreatedAt: 1.7e9, UpdatedAt: 1.7e9}
		if id > 2 {
			t.BlockedBy = []int{id / 2, id - 1}
		}
		data, err := json.MarshalIndent(t, "", "  ")
		require.NoError(b, err)
		require.NoError(b, os.WriteFile(filepath.Join(root, state.TaskKey(id)), data, 0o644))
	}
	return root
}

func sizes() []int { return []int{10, 1_000, 10_000, 50_000} }

// BenchmarkIndex measures how long it takes to have all summaries: the first
// time, again when nothing was changed, after one file was changed in place, and
// by looking at every file; beside that what reading and parsing every file costs.
func BenchmarkIndex(b *testing.B) {
	for _, n := range sizes() {
		root := bigBoard(b, n)
		b.Run(fmt.Sprintf("%d/cold", n), func(b *testing.B) {
			for b.Loop() {
				s := openBoard(root)
				tasksOf(b, s)
				b.StopTimer()
				s.Close()
				b.StartTimer()
			}
		})
		for name, noWatch := range map[string]bool{"warm": false, "looking": true} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				s := openBoard(root)
				defer s.Close()
				s.noWatch = noWatch
				tasksOf(b, s)
				tasksOf(b, s)
				for b.Loop() {
					tasksOf(b, s)
				}
			})
		}
		b.Run(fmt.Sprintf("%d/changed", n), func(b *testing.B) { benchChanged(b, root) })
		b.Run(fmt.Sprintf("%d/files", n), func(b *testing.B) { benchFiles(b, root, n) })
		b.Run(fmt.Sprintf("%d/memory", n), func(b *testing.B) { benchMemory(b, root, n) })
	}
}

func benchChanged(b *testing.B, root string) {
	s := openBoard(root)
	defer s.Close()
	path := filepath.Join(root, state.TaskKey(7))
	data, err := os.ReadFile(path)
	require.NoError(b, err)
	tasksOf(b, s)
	tasksOf(b, s)
	for b.Loop() {
		require.NoError(b, os.WriteFile(path, data, 0o644))
		tasksOf(b, s)
	}
}

// benchFiles is what a list costs without an index.
func benchFiles(b *testing.B, root string, n int) {
	s := openBoard(root)
	for b.Loop() {
		require.NoError(b, s.View(context.Background(), func(v *state.View) error {
			names, err := s.names(s.abs(state.TasksDir))
			require.Len(b, names, n)
			for id := range n {
				_, err = v.Task(id + 1)
				require.NoError(b, err)
			}
			return err
		}))
	}
}

func benchMemory(b *testing.B, root string, n int) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := openBoard(root)
		tasksOf(b, s)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/task")
		s.Close()
	}
}
