package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// put writes a task file as another program would.
func put(t testing.TB, b *Board, id int, fields string) {
	t.Helper()
	dir := filepath.Join(b.State.Root(), state.TasksDir)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	text := fmt.Sprintf(`{"id": %d, "subject": "task %d", "status": "pending"%s}`, id, id, fields)
	require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("task_%d.json", id)), []byte(text), 0o644))
}

func idsOf(out TaskListOut) (ids []int) {
	for _, t := range out.Tasks {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestTaskListFinds(t *testing.T) {
	b, _ := newBoard(t)
	put(t, b, 1, `, "owner": "alice", "labels": ["ui"]`)
	put(t, b, 2, `, "description": "The LOGIN page", "priority": 1`)
	put(t, b, 3, `, "blockedBy": [1, 2], "notes": [{"text": "see the Login log"}]`)
	put(t, b, 4, `, "priority": 0`)
	put(t, b, 5, `, "priority": 0, "lease_expires_at": 1`)
	put(t, b, 6, `, "blockedBy": [7, 8, 99]`)
	put(t, b, 7, `, "status": "deleted"`)
	put(t, b, 8, `, "status": "completed"`)
	put(t, b, 9, `, "blockedBy": [10]`)
	put(t, b, 10, `,`)
	_, err := b.TaskClaim(t.Context(), TaskClaimIn{TaskID: 4})
	require.NoError(t, err)
	nobody := ""
	for name, c := range map[string]struct {
		in   TaskListIn
		want []int
	}{
		"all":      {TaskListIn{}, []int{1, 2, 3, 4, 5, 6, 8, 9}},
		"deleted":  {TaskListIn{Status: state.Deleted}, []int{7}},
		"status":   {TaskListIn{Status: state.Completed}, []int{8}},
		"ready":    {TaskListIn{Ready: true}, []int{5, 2, 1, 6}},
		"label":    {TaskListIn{Label: "ui"}, []int{1}},
		"owner":    {TaskListIn{Ready: true, Owner: &nobody}, []int{5, 2, 6}},
		"query":    {TaskListIn{Query: "login"}, []int{2, 3}},
		"words":    {TaskListIn{Query: "  Log LOGIN see "}, []int{3}},
		"nothing":  {TaskListIn{Query: "task 11"}, nil},
		"no match": {TaskListIn{Ready: true, Status: state.Completed}, nil},
	} {
		out, err := b.TaskList(t.Context(), c.in)
		require.NoError(t, err)
		require.Equal(t, c.want, idsOf(out), name)
		require.Equal(t, 1, out.Unreadable)
		require.Equal(t, map[state.Status]int{state.Pending: 6, state.InProgress: 1, state.Completed: 1, state.Deleted: 1}, out.Counts)
	}
}

// Pages that follow one another show every task that is there all the time once,
// whatever is written between them.
func TestPagesStandStill(t *testing.T) {
	for _, ready := range []bool{false, true} {
		b, _ := newBoard(t)
		for id := 10; id <= 60; id++ {
			put(t, b, id, fmt.Sprintf(`, "priority": %d`, id%5))
		}
		seen, in := map[int]int{}, TaskListIn{Ready: ready, Limit: 7}
		for page := 0; ; page++ {
			out, err := b.TaskList(t.Context(), in)
			require.NoError(t, err)
			for _, task := range out.Tasks {
				seen[task.ID]++
			}
			if in.Cursor = out.NextCursor; in.Cursor == "" {
				break
			}
			last := out.Tasks[len(out.Tasks)-1].ID
			put(t, b, last, `, "status": "deleted"`)
			put(t, b, 1+page, `, "priority": 0`)
			mustCreate(t, b, "new")
		}
		for id := 10; id <= 60; id++ {
			require.Equal(t, 1, seen[id], "task %d, ready %v", id, ready)
		}
	}
}

func TestTaskGetSaysWhatWaits(t *testing.T) {
	b, _ := newBoard(t)
	put(t, b, 1, `, "mine": {"a": 1}`)
	put(t, b, 2, `, "blockedBy": [1, 3]`)
	put(t, b, 3, `, "status": "completed"`)
	out, err := b.TaskGet(t.Context(), TaskGetIn{TaskID: 2})
	require.NoError(t, err)
	require.False(t, out.Ready)
	require.Equal(t, []int{1}, out.BlockedByOpen)
	require.Contains(t, out.text(), "waits for #1")
	out, err = b.TaskGet(t.Context(), TaskGetIn{TaskID: 1})
	require.NoError(t, err)
	require.True(t, out.Ready)
	data, err := json.Marshal(out)
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(data, &object))
	require.Equal(t, []any{2.0}, object["blocks"])
	require.Equal(t, []any{}, object["blocked_by_open"])
	require.Equal(t, map[string]any{"a": 1.0}, object["mine"], "keys that only the file knows")
	_, err = b.TaskGet(t.Context(), TaskGetIn{TaskID: 4})
	require.Equal(t, state.NotFound, state.CodeOf(err))
}

// A task with ten thousand blockers fits a result, and what was cut is said.
func TestManyBlockersFit(t *testing.T) {
	b, _ := newBoard(t)
	const many = 10_000
	all := make([]int, many)
	for i := range all {
		all[i] = 100_000 + i
	}
	list, err := json.Marshal(all)
	require.NoError(t, err)
	long, err := json.Marshal(strings.Repeat("long text ", 6000))
	require.NoError(t, err)
	put(t, b, 1, fmt.Sprintf(`, "blockedBy": %s, "description": %s`, list, long))
	for i := range 1500 {
		put(t, b, 100_000+i, `, "blockedBy": [100000]`)
	}
	for name, id := range map[string]int{"blockedBy has 1000 of 10000": 1, "blocked_by_open has 1000 of 1500": 1, "blocks has 1000 of 1501": 100_000} {
		out, err := b.TaskGet(t.Context(), TaskGetIn{TaskID: id})
		require.NoError(t, err)
		require.LessOrEqual(t, jsonSize(out), largeResult)
		require.Contains(t, out.Cut, name)
		require.Contains(t, out.text(), name)
	}
	page, err := b.TaskList(t.Context(), TaskListIn{})
	require.NoError(t, err)
	require.LessOrEqual(t, jsonSize(page), smallResult+1000)
	require.Equal(t, many-maxBlockers, page.Tasks[0].BlockersLeftOut)
	require.Contains(t, page.text(), "blocked by 10000 tasks, 50 named")
}

func TestEventsAwaited(t *testing.T) {
	b, _ := newBoard(t)
	mustCreate(t, b, "before")
	var told []float64
	waiting := b.For(Caller{Actor: "waiter", Progress: func(s float64, _ string) { told = append(told, s) }})
	got := make(chan WorktreeEventsOut, 1)
	go func() {
		out, err := waiting.WorktreeEvents(context.Background(), WorktreeEventsIn{WaitSeconds: 600, TaskID: 3, Event: "task.upd"})
		if err != nil {
			t.Error(err)
		}
		got <- out
	}()
	for i := 0; ; i++ { // until it has begun, what it waits for may be over
		for len(got) == 0 && i < 3 {
			mustCreate(t, b, "other")
			i++
		}
		_, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: 3, Note: fmt.Sprint(i)})
		require.NoError(t, err)
		select {
		case out := <-got:
			require.NotEmpty(t, out.Events)
			require.Equal(t, state.TaskUpdated, out.Events[0].Event)
			require.Equal(t, "3", fmt.Sprint(out.Events[0].Task["id"]))
			require.IsIncreasing(t, append([]float64{-1}, told...))
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestEventsAwaitedEnd(t *testing.T) {
	b, _ := newBoard(t)
	mustCreate(t, b, "before")
	zero, far := int64(0), int64(100)
	out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{WaitSeconds: 600, AfterSeq: &zero})
	require.NoError(t, err)
	require.Len(t, out.Events, 1, "what is there already ends the wait at once")
	out, err = b.WorktreeEvents(t.Context(), WorktreeEventsIn{WaitSeconds: 0.02, AfterSeq: &far})
	require.NoError(t, err)
	require.Empty(t, out.Events)
	require.EqualValues(t, 1, out.LastSeq)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err = b.WorktreeEvents(ctx, WorktreeEventsIn{WaitSeconds: 600})
	require.ErrorIs(t, err, context.Canceled)
}

func TestEventsMissed(t *testing.T) {
	b, _ := newBoard(t)
	for range 4 {
		mustCreate(t, b, "x")
	}
	log := filepath.Join(b.State.Root(), state.EventsFile)
	require.NoError(t, os.WriteFile(log, []byte(`{"event":"events.continued","ts":1,"task":{},"worktree":{},"after_seq":4,"file":"events-1.jsonl"}`+"\n"), 0o644))
	one := int64(1)
	for _, wait := range []float64{0, 600} {
		out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{AfterSeq: &one, WaitSeconds: wait})
		require.NoError(t, err)
		require.Equal(t, &state.Missed{From: 2, To: 4, File: "events-1.jsonl"}, out.Missed)
		require.EqualValues(t, 4, out.LastSeq)
		require.Contains(t, out.text(), "events #2 to #4 are not in the log any more but in .worktrees/events-1.jsonl")
	}
}
