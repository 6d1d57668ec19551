package tools

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/state/files"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

// newBoard is a board on a real repository and a real disk.
func newBoard(t *testing.T) (*Board, *gittest.Repo) {
	t.Helper()
	repo := gittest.NewRepo(t)
	opened, err := git.Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	store := files.Open(files.Config{Root: opened.Root(), Private: filepath.Join(opened.CommonDir(), "wt-mcp"), NoSync: true})
	b := NewBoard(Parts{State: store, Git: opened, Log: slog.New(slog.DiscardHandler), Env: os.Environ()})
	t.Cleanup(b.Close)
	return b.For(Caller{Actor: "tester"}), repo
}

func mustCreate(t *testing.T, b *Board, subject string) state.Task {
	t.Helper()
	task, err := b.TaskCreate(t.Context(), TaskCreateIn{Subject: subject})
	require.NoError(t, err)
	return task
}

// A status goes the ways of the table and no other, and a refused
// change changes nothing.
func TestStatusTransitions(t *testing.T) {
	b, _ := newBoard(t)
	ways := map[state.Status][]state.Status{ // from → to
		state.Pending:    {state.Pending, state.InProgress, state.Completed, state.Deleted},
		state.InProgress: {state.Pending, state.InProgress, state.Completed, state.Deleted},
		state.Completed:  {state.Deleted},
		state.Deleted:    {},
	}
	for _, from := range state.Statuses() {
		for _, to := range state.Statuses() {
			task := mustCreate(t, b, fmt.Sprintf("%s to %s", from, to))
			if from != state.Pending {
				_, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Status: from})
				require.NoError(t, err)
			}
			before, err := os.ReadFile(filepath.Join(b.State.Root(), ".tasks", fmt.Sprintf("task_%d.json", task.ID)))
			require.NoError(t, err)
			got, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Status: to, Note: "n"})
			if strings.Contains(fmt.Sprint(ways[from]), string(to)) {
				require.NoError(t, err, "%s to %s", from, to)
				require.Equal(t, to, got.Status)
				continue
			}
			require.Equal(t, state.Conflict, state.CodeOf(err), "%s to %s: %v", from, to, err)
			after, err := os.ReadFile(filepath.Join(b.State.Root(), ".tasks", fmt.Sprintf("task_%d.json", task.ID)))
			require.NoError(t, err)
			require.Equal(t, string(before), string(after))
		}
	}
}

func TestDeletedTaskLetsItsWorktreeGo(t *testing.T) {
	b, _ := newBoard(t)
	task := mustCreate(t, b, "one")
	_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane", TaskID: task.ID})
	require.NoError(t, err)
	task, err = b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Status: state.Deleted})
	require.NoError(t, err)
	require.Empty(t, task.Worktree)
	w, err := b.entry(t.Context(), "lane")
	require.NoError(t, err)
	require.Nil(t, w.TaskID)
}

// Invariant 5: a bound task and its worktree name each other, whatever is bound
// to what in which order.
func TestBindingsAgreeOnBothSides(t *testing.T) {
	b, _ := newBoard(t)
	for i := range 3 {
		mustCreate(t, b, fmt.Sprintf("task %d", i+1))
		_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: fmt.Sprintf("lane-%d", i+1)})
		require.NoError(t, err)
	}
	for _, step := range []struct {
		task int
		lane string
		code state.Code
	}{
		{1, "lane-1", ""}, {2, "lane-2", ""}, {1, "lane-3", ""}, {2, "lane-3", state.Conflict}, {2, "lane-1", ""},
		{3, "LANE-2", ""}, {1, "lane-3", ""}, {3, "lane-9", state.NotFound}, {9, "lane-1", state.NotFound},
	} {
		_, err := b.TaskBindWorktree(t.Context(), TaskBindWorktreeIn{TaskID: step.task, Worktree: step.lane})
		if step.code != "" {
			require.Equal(t, step.code, state.CodeOf(err), "%+v", step)
		} else {
			require.NoError(t, err, "%+v", step)
		}
		requireAgreement(t, b)
	}
}

func requireAgreement(t *testing.T, b *Board) {
	t.Helper()
	require.NoError(t, b.State.View(t.Context(), func(v *state.View) error {
		tasks, err := v.Tasks()
		require.NoError(t, err)
		require.Empty(t, tasks.Problems)
		worktrees, err := v.Worktrees()
		require.NoError(t, err)
		of := map[int]string{}
		for _, w := range worktrees {
			if w.Live() && w.TaskID != nil {
				of[*w.TaskID] += w.Name
			}
		}
		for _, task := range tasks.All {
			require.Equal(t, task.Worktree, of[task.ID], "task %d", task.ID)
		}
		return nil
	}))
}

func TestEventsFit(t *testing.T) {
	b, _ := newBoard(t)
	task := mustCreate(t, b, "one")
	for i := range 60 {
		_, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Note: fmt.Sprintf("%d %s", i, strings.Repeat("n", 900))})
		require.NoError(t, err)
	}
	out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{})
	require.NoError(t, err)
	data, err := json.Marshal(out)
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), smallResult+200)
	require.Equal(t, int64(61), out.Events[len(out.Events)-1].Seq, "the newest")

	// reading on with last_seq leaves nothing out and repeats nothing
	seen, after := int64(0), int64(0)
	for calls := 0; ; calls++ {
		require.Less(t, calls, 100)
		out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{AfterSeq: &after})
		require.NoError(t, err)
		if len(out.Events) == 0 {
			break
		}
		for _, e := range out.Events {
			seen++
			require.Equal(t, seen, e.Seq)
		}
		after = out.LastSeq
	}
	require.Equal(t, int64(61), seen)
}

// A filtered reader must come past events that are not its own.
func TestFilteredEventsReadOn(t *testing.T) {
	b, _ := newBoard(t)
	for i := range 30 {
		mustCreate(t, b, fmt.Sprintf("task %d", i+1))
	}
	_, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: 1, Status: state.Completed})
	require.NoError(t, err)
	var after int64
	var found []int64
	for calls := 0; calls < 10; calls++ {
		out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{AfterSeq: &after, Event: "task.completed", Limit: 5})
		require.NoError(t, err)
		for _, e := range out.Events {
			found = append(found, e.Seq)
		}
		after = out.LastSeq
	}
	require.Equal(t, []int64{31}, found)
	require.Equal(t, int64(31), after)
}

func TestTaskListPagesCoverTheBoard(t *testing.T) {
	b, _ := newBoard(t)
	for i := range 120 {
		mustCreate(t, b, fmt.Sprintf("task %d %s", i+1, strings.Repeat("s", 400)))
	}
	next, cursor := 1, ""
	for calls := 0; ; calls++ {
		require.Less(t, calls, 50)
		out, err := b.TaskList(t.Context(), TaskListIn{Cursor: cursor})
		require.NoError(t, err)
		require.Equal(t, 120, out.Counts[state.Pending], "counts are of the whole board")
		for _, task := range out.Tasks {
			require.Equal(t, next, task.ID)
			next++
		}
		if cursor = out.NextCursor; cursor == "" {
			break
		}
	}
	require.Equal(t, 121, next)
}

// A tool's error for bad JSON is the client's mistake, never an internal one.
func TestCallOfBadArguments(t *testing.T) {
	b, _ := newBoard(t)
	for _, tool := range All() {
		_, err := tool.Call(t.Context(), b, json.RawMessage(`{"name":7,"task_id":"x","subject":7,"worktree":7,"limit":"x","older_than":7}`))
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), "%s: %v", tool.Name, err)
	}
	entries, err := os.ReadDir(b.State.Root())
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, []string{".tasks", ".worktrees"}, e.Name(), "a refused call wrote")
	}
}

// Invariant 11: reading changes nothing.
func TestReadingChangesNothing(t *testing.T) {
	b, repo := newBoard(t)
	for _, tool := range All() {
		if tool.ReadOnly {
			_, _ = tool.Call(t.Context(), b, json.RawMessage(`{}`))
		}
	}
	for _, path := range []string{".tasks", ".worktrees", ".git/wt-mcp"} {
		require.NoDirExists(t, filepath.Join(repo.Dir, path))
	}
}
