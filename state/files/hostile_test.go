package files

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// A process may die while the log has two names; nothing else of ours gives it one.
func TestSecondNameOfTheLogIsTakenAway(t *testing.T) {
	s, root := newBoard(t)
	create(t, s, "one")
	s.Close()
	kept := filepath.Join(root, state.WorktreesDir, "events-1.jsonl")
	require.NoError(t, os.Link(filepath.Join(root, state.EventsFile), kept))
	s = openBoard(root)
	create(t, s, "two")
	require.NoFileExists(t, kept)
	require.Len(t, eventsOf(t, s, state.EventQuery{Limit: 10}).Events, 2)
}

func eventsOf(t *testing.T, s *Store, q state.EventQuery) (p state.LogPage) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(v *state.View) (err error) {
		p, err = v.ReadLog(q)
		return err
	}))
	return p
}

// What is huge, sparse or nested is refused by name, or read in part, and soon.
func TestAnswersAreBounded(t *testing.T) {
	for what, c := range map[string]struct {
		file string
		make func(t *testing.T, name string)
	}{
		"sparse log":      {state.EventsFile, sparse},
		"sparse registry": {state.IndexFile, sparse},
		"nested registry": {state.IndexFile, holds(strings.Repeat(`{"x":`, 5000))},
		"nested whole":    {state.IndexFile, holds(`{"worktrees":[],"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}")},
		"many objects":    {state.IndexFile, holds(`{"worktrees":[{}` + strings.Repeat(",{}", 600_000) + "]}")},
	} {
		t.Run(what, func(t *testing.T) {
			s, root := newBoard(t)
			create(t, s, "one")
			name := filepath.Join(root, c.file)
			c.make(t, name)
			began := time.Now()
			err := s.View(context.Background(), func(v *state.View) error {
				_, err := v.Worktrees()
				if err == nil {
					_, err = v.ReadLog(state.EventQuery{Limit: 10})
				}
				return err
			})
			require.Equal(t, state.Corrupt, state.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, name)
			require.Less(t, time.Since(began), 5*time.Second)
		})
	}
}

func sparse(t *testing.T, name string) {
	if runtime.GOOS == "windows" {
		t.Skip("a file is sparse there only if it is made so")
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(20<<30))
}

func holds(content string) func(*testing.T, string) {
	return func(t *testing.T, name string) { require.NoError(t, os.WriteFile(name, []byte(content), 0o644)) }
}

// A task's unknown keys are kept, so a deep one would be indented each time it is written.
func TestNestedTaskIsAProblem(t *testing.T) {
	s, root := newBoard(t)
	create(t, s, "one")
	create(t, s, "two")
	bomb := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	name := filepath.Join(root, state.TaskKey(1))
	require.NoError(t, os.WriteFile(name, []byte(`{"id":1,"subject":"x","status":"pending","x":`+bomb+`}`), 0o644))
	require.NoError(t, s.View(context.Background(), func(v *state.View) error {
		all, err := v.Tasks()
		require.NoError(t, err)
		require.Len(t, all.All, 1)
		require.Equal(t, name, all.Problems[0].File)
		require.Contains(t, all.Problems[0].Error, "nested")
		_, err = v.Task(1)
		require.Equal(t, state.Corrupt, state.CodeOf(err))
		return nil
	}))
}

// A far end of a long log is not read, and the answer says where it is.
func TestLongLogIsReadFromItsEnd(t *testing.T) {
	s, root := newBoard(t)
	create(t, s, "one")
	f, err := os.OpenFile(filepath.Join(root, state.EventsFile), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	line := []byte(`{"event":"x","ts":1,"task":{},"worktree":{},"detail":{"pad":"` + strings.Repeat("p", 1<<20) + `"}}` + "\n")
	for range 40 {
		_, err := f.Write(line)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	p := eventsOf(t, s, state.EventQuery{Limit: 10, Match: func(e state.Event) bool { return e.Event == "task.created" }})
	require.Empty(t, p.Events)
	require.EqualValues(t, 1, p.LastSeq)
	require.Equal(t, &state.Missed{From: 1, To: 1, File: "events.jsonl"}, p.Missed)
	create(t, s, "two")
	require.Len(t, eventsOf(t, s, state.EventQuery{Limit: 1}).Events, 1)
}

// Files that a person edited may begin with a byte order mark.
func TestByteOrderMark(t *testing.T) {
	s, root := newBoard(t)
	create(t, s, "one")
	require.NoError(t, s.Update(context.Background(), func(tx *state.Tx) error {
		tx.PutWorktree(state.Worktree{Name: "w", Status: state.Active})
		return nil
	}))
	for _, name := range []string{filepath.Join(root, state.TaskKey(1)), filepath.Join(root, state.IndexFile)} {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, append([]byte("\xef\xbb\xbf"), data...), 0o644))
	}
	require.NoError(t, s.Update(context.Background(), func(tx *state.Tx) error {
		task, err := tx.Task(1)
		require.NoError(t, err)
		task.Subject = "again"
		tx.PutTask(task)
		w, ok, err := tx.Worktree("w")
		require.NoError(t, err)
		require.True(t, ok)
		tx.PutWorktree(w)
		return nil
	}))
	data, err := os.ReadFile(filepath.Join(root, state.TaskKey(1)))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte("{")))
}

// A board that the repository itself carries is not this one's, until a store has
// written it; what the repository does not carry is continued.
func TestBoardThatCameWithTheRepository(t *testing.T) {
	root := t.TempDir()
	task := filepath.Join(root, state.TaskKey(1))
	require.NoError(t, os.MkdirAll(filepath.Dir(task), 0o755))
	require.NoError(t, os.WriteFile(task, []byte(`{"id":1,"subject":"x","status":"pending"}`), 0o644))
	tracked := []string{".tasks/task_1.json"}
	s := Open(Config{Root: root, Private: filepath.Join(root, ".git", "wt-mcp"), Brought: func(context.Context) ([]string, error) { return tracked, nil }})
	see := func() error { return s.View(context.Background(), func(*state.View) error { return nil }) }
	change := func() error {
		return s.Update(context.Background(), func(tx *state.Tx) error { tx.Emit(state.Event{Event: "x"}); return nil })
	}
	for _, err := range []error{see(), change()} {
		require.Equal(t, state.Corrupt, state.CodeOf(err))
		require.ErrorContains(t, err, ".tasks/task_1.json")
	}
	require.NoDirExists(t, filepath.Join(root, state.WorktreesDir))
	tracked = []string{".tasks/README", ".worktrees/w1/task_1.json"}
	require.NoError(t, see())
	require.NoError(t, change())
	tracked = []string{".tasks/task_1.json"}
	require.NoError(t, see(), "the board is this one's by now")
}
