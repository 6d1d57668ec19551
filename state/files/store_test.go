package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

func newBoard(t testing.TB) (*Store, string) {
	t.Helper()
	root := t.TempDir()
	return openBoard(root), root
}

func openBoard(root string) *Store {
	return Open(Config{Root: root, Private: filepath.Join(root, ".git", "wt-mcp")})
}

func create(t testing.TB, s *Store, subject string) (made state.Task) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), func(tx *state.Tx) error {
		made = tx.CreateTask(state.Task{Subject: subject, Status: state.Pending, Priority: state.DefaultPriority})
		tx.Emit(state.Event{Event: "task.created", Task: state.Fields{"id": made.ID}})
		return nil
	}))
	return made
}

func TestUpdateIsSeenByEveryStore(t *testing.T) {
	s, root := newBoard(t)
	other := openBoard(root)
	require.Equal(t, 1, create(t, s, "one").ID)
	require.Equal(t, 2, create(t, other, "two").ID)
	require.Equal(t, 3, create(t, s, "three").ID)
	for _, store := range []*Store{s, other, openBoard(root)} {
		require.NoError(t, store.View(context.Background(), func(v *state.View) error {
			tasks, err := v.Tasks()
			require.NoError(t, err)
			require.Empty(t, tasks.Problems)
			require.Len(t, tasks.All, 3)
			events, last, err := v.Events(state.EventQuery{Limit: 10})
			require.NoError(t, err)
			require.Len(t, events, 3)
			require.EqualValues(t, 3, last)
			require.EqualValues(t, 2, events[1].Seq)
			return nil
		}))
	}
	data, err := os.ReadFile(filepath.Join(root, ".tasks", "task_2.json"))
	require.NoError(t, err)
	require.Contains(t, string(data), "{\n  \"id\": 2,\n  \"subject\": \"two\",\n")
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	s, root := newBoard(t)
	require.Error(t, s.Update(context.Background(), func(tx *state.Tx) error {
		tx.CreateTask(state.Task{Subject: "x", Status: state.Pending})
		return fmt.Errorf("no")
	}))
	require.NoFileExists(t, filepath.Join(root, ".tasks", "task_1.json"))
	require.Equal(t, 1, create(t, s, "first").ID)
}

func TestMentions(t *testing.T) {
	s, _ := newBoard(t)
	create(t, s, "one")
	require.NoError(t, s.Update(t.Context(), func(tx *state.Tx) error {
		tx.PutTask(state.Task{ID: 1, Subject: "Alpha", Status: state.Pending, Description: strings.Repeat("x", 3000), Notes: []state.Note{{Text: "the OMEGA"}}})
		return nil
	}))
	require.NoError(t, s.View(t.Context(), func(v *state.View) error {
		tasks, err := v.Tasks()
		require.NoError(t, err)
		for query, want := range map[string]bool{" alpha Omega": true, "alpha psi": false, "": true, "xxx omeg": true, "q": false} {
			words := state.ParseWords(query)
			require.Equal(t, want, v.Mentions(tasks.All[0], &words), query)
		}
		return nil
	}))
}

func TestManyStoresCreateTogether(t *testing.T) {
	_, root := newBoard(t)
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s := openBoard(root)
			defer s.Close()
			for i := range 25 {
				create(t, s, fmt.Sprintf("p%d-%d", p, i))
			}
		}()
	}
	wg.Wait()
	require.NoError(t, openBoard(root).View(context.Background(), func(v *state.View) error {
		tasks, err := v.Tasks()
		require.NoError(t, err)
		require.Len(t, tasks.All, 200)
		events, last, err := v.Events(state.EventQuery{Limit: 500})
		require.NoError(t, err)
		require.EqualValues(t, 200, last)
		for i, e := range events {
			require.EqualValues(t, i+1, e.Seq)
		}
		return nil
	}))
}

func BenchmarkFloorAppendFdatasync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	require.NoError(b, err)
	buf := make([]byte, 600)
	for b.Loop() {
		_, _ = f.Write(buf)
		_ = syncData(f)
	}
}

func BenchmarkCreateTask(b *testing.B) {
	s, _ := newBoard(b)
	for b.Loop() {
		create(b, s, "a subject of ordinary length")
	}
	s.Close()
}

func BenchmarkUpdateTask(b *testing.B) {
	s, _ := newBoard(b)
	create(b, s, "a subject of ordinary length")
	for b.Loop() {
		_ = s.Update(context.Background(), func(tx *state.Tx) error {
			t, err := tx.Task(1)
			tx.PutTask(t)
			tx.Emit(state.Event{Event: "task.updated", Task: state.Fields{"id": 1}})
			return err
		})
	}
	s.Close()
}
