package tools

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

func TestTaskLine(t *testing.T) {
	task := state.Task{ID: 1, Subject: "Implement auth refactor", Status: state.InProgress, Owner: "alice", Worktree: "auth-refactor", Priority: state.DefaultPriority}
	require.Equal(t, "[>] #1: Implement auth refactor owner=alice wt=auth-refactor", TaskLine(task))
	for status, mark := range map[state.Status]string{state.Pending: "[ ]", state.Completed: "[x]", state.Deleted: "[-]", "odd": "[?]"} {
		require.Equal(t, mark+" #7: s", TaskLine(state.Task{ID: 7, Subject: "s", Status: status, Priority: state.DefaultPriority}))
	}
	require.Equal(t, "[ ] #7: s blocked_by=#3,#4 p0 [bug,ui] v9", taskLine(state.Task{ID: 7, Subject: "s", Status: state.Pending,
		BlockedBy: []int{3, 4}, Labels: []string{"bug", "ui"}, Version: 9}))
}

// A task from a file can say anything; its line stays one line.
func TestLinesCannotBeForged(t *testing.T) {
	for _, evil := range []string{
		"a\n[x] #2: done", "a\r[x] #2: done", "a\x1b[2Kb", "a\u009b31m", "a\u202eb", "a\u2028b", "a\u2029b", "a\u0085b", "a\u2066b", "a\u200eb",
		"a\tb", "a\x00b", "a\x7fb", "a\ufeffb", "a\U000e0041b", "a\xffb", "a\vb\fc",
	} {
		id := 3
		for _, line := range []string{
			TaskLine(state.Task{ID: 1, Subject: evil, Owner: evil, Worktree: evil, Status: state.Pending, Labels: []string{evil}}),
			WorktreeLine(state.Worktree{Name: evil, Path: evil, Branch: evil, Status: state.Active, TaskID: &id}),
			WorktreeLine(state.Worktree{Name: "n", Status: state.WorktreeStatus(evil)}),
			EventLine(state.Event{Event: state.EventName(evil), Error: evil, Actor: evil, Worktree: state.Fields{"name": evil}, Detail: state.Fields{"note": evil}}),
			EventLine(state.Event{Event: "task.updated", Task: state.Fields{"id": evil}}),
			EventLine(state.Event{Event: "task.updated", Detail: state.Fields{evil: 1}}),
		} {
			for _, r := range line {
				require.False(t, state.Disguising(r), "%U in %q", r, line)
			}
			require.NotContains(t, line, "\xff")
		}
	}
}

func TestLongTextStaysBehindTheMargin(t *testing.T) {
	task := state.Task{ID: 1, Subject: "s", Status: state.Pending, Description: "first\n[x] #2: forged\r\n\x1b[2Kthird",
		Notes: []state.Note{{At: 1, Actor: "eve\n[x] #3: forged", Text: "note\n[x] #4: forged"}}}
	for i, line := range strings.Split(taskText(task), "\n") {
		require.True(t, i == 0 || strings.HasPrefix(line, "  "), "%q begins at the margin of the board", line)
		require.NotContains(t, line, "\x1b")
	}
}

func TestCheckEnvName(t *testing.T) {
	for _, good := range []string{"A", "PATH", "my_var", "X1", "GITHUB_TOKEN", "LDFLAGS", "a.b", "WT"} {
		require.NoError(t, runs.CheckEnv(good, "x"), good)
	}
	for _, bad := range []string{"", "A=B", "=", "A\x00", "GIT_DIR", "git_dir", "Git_Work_Tree", "LD_PRELOAD", "ld_library_path",
		"DYLD_INSERT_LIBRARIES", "WT_MCP_TASK"} {
		err := runs.CheckEnv(bad, "x")
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), "%q: %v", bad, err)
	}
}

func TestCheckLine(t *testing.T) {
	require.NoError(t, checkLine("subject", strings.Repeat("ü", 500), 500), "the limit is in characters")
	require.Error(t, checkLine("subject", strings.Repeat("ü", 501), 500))
	require.NoError(t, checkLine("subject", "größe 😀 العربية", 500))
	require.ErrorContains(t, checkLine("subject", "a\nb", 500), "U+000A at byte 1")
}

func TestCheckText(t *testing.T) {
	require.NoError(t, checkText("note", strings.Repeat("n", maxText)))
	require.ErrorContains(t, checkText("note", strings.Repeat("n", maxText+1)), "the limit is 65536")
	require.NoError(t, checkText("note", "lines\nand\ttabs"))
	require.Error(t, checkText("note", "\x00"))
}

func TestPage(t *testing.T) {
	type row struct{ S string }
	fill := func(p page, rows, size int) (n int) {
		for range rows {
			if !p.take(row{strings.Repeat("x", size)}, n == 0) {
				return n
			}
			n++
		}
		return n
	}
	require.Equal(t, 3, fill(page{left: 3, bytes: 1000}, 10, 1), "as many as asked for")
	require.Equal(t, 10, fill(page{left: 50, bytes: 1000}, 10, 1))
	require.Equal(t, 9, fill(page{left: 50, bytes: 1000}, 10, 100), "as many as fit")
	require.Equal(t, 1, fill(page{left: 50, bytes: 10}, 10, 100), "the first always, or nothing would ever come")
	p := page{left: 1, bytes: 10}
	require.False(t, p.take(func() {}, true), "what cannot be encoded is not taken")
	require.True(t, p.full)
}

func TestTaskListPages(t *testing.T) {
	require.Equal(t, page{left: 50, bytes: smallResult}, newPage(0, 50))
	require.Equal(t, page{left: 7, bytes: largeResult}, newPage(7, 50))
	for cursor, want := range map[string]place{"": {}, "0": {}, "17": {id: 17}, "3-17": {true, 3, 17}} {
		after, err := TaskListIn{Cursor: cursor, Ready: want.ranked}.after()
		require.NoError(t, err)
		require.Equal(t, want, after)
		if want.id > 0 {
			require.Equal(t, cursor, after.cursor())
		}
	}
	for _, cursor := range []string{"-1", "x", "1.5", " 1", "99999999999999999999", "1-2", "1-", "-", "1-2-3"} {
		_, err := TaskListIn{Cursor: cursor}.after()
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), cursor)
	}
	for _, cursor := range []string{"1", "0--1", "x-1"} {
		_, err := TaskListIn{Cursor: cursor, Ready: true}.after()
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), cursor)
	}
}

// However long its texts, a task fits a result, says what was cut and where all
// of it is, and keeps its newest note.
func TestFitTask(t *testing.T) {
	long := strings.Repeat("äöü 語 ", 9000)
	notes := []state.Note{}
	for i := range 30 {
		notes = append(notes, state.Note{At: float64(i), Actor: "a", Text: fmt.Sprintf("note %d %s", i, strings.Repeat("n", 2000))})
	}
	for name, task := range map[string]state.Task{
		"description": {ID: 1, Subject: "s", Description: long},
		"notes":       {ID: 1, Subject: "s", Notes: notes},
		"one note":    {ID: 1, Subject: "s", Notes: []state.Note{{Text: long}}},
		"everything":  {ID: 1, Subject: strings.Repeat("s", 500), Description: long, Notes: append(notes, state.Note{Text: long})},
		"escapes":     {ID: 1, Subject: "s", Description: strings.Repeat("\u2028<\n\"", 9000)},
	} {
		for _, budget := range []int{smallResult, largeResult} {
			fitted := fitTask(task, budget)
			data, err := json.Marshal(fitted)
			require.NoError(t, err)
			require.LessOrEqual(t, len(data), budget, "%s, %d", name, budget)
			if fitted.Description != task.Description {
				require.Contains(t, fitted.Description, ".tasks/task_1.json", name)
			}
			if n := len(task.Notes); n > 0 {
				require.NotEmpty(t, fitted.Notes, name)
				require.Equal(t, task.Notes[n-1].At, fitted.Notes[len(fitted.Notes)-1].At, "%s: the newest note", name)
			}
		}
	}
	small := state.Task{ID: 1, Subject: "s", Description: "d", Notes: notes[:1]}
	require.Equal(t, small, fitTask(small, smallResult))
}

// pageOf is the page of a file that comes in as pieces of so many bytes.
func pageOf(t *testing.T, in FileReadIn, text string, pieces int) (FileReadOut, bool) {
	t.Helper()
	p := newPager(in)
	var r io.Reader = strings.NewReader(text)
	if pieces == 1 {
		r = iotest.OneByteReader(r)
	}
	require.NoError(t, p.read(t.Context(), r))
	return p.result(), p.isText()
}

func TestFileReadPage(t *testing.T) {
	for _, pieces := range []int{1, 0} {
		ten := strings.TrimSuffix(strings.Repeat("line\n", 10), "\n")
		out, text := pageOf(t, FileReadIn{Path: "f", Offset: 3, Limit: 2}, ten, pieces)
		require.True(t, text)
		require.Equal(t, FileReadOut{Path: "f", Content: "line\nline\n", Lines: 2, TotalLines: 10, NextOffset: 5}, out)
		out, _ = pageOf(t, FileReadIn{Path: "f", Offset: 8}, ten, pieces)
		require.Equal(t, FileReadOut{Path: "f", Content: "line\nline", Lines: 2, TotalLines: 10}, out)
		out, _ = pageOf(t, FileReadIn{Path: "f", Offset: 20}, ten, pieces)
		require.Equal(t, FileReadOut{Path: "f", TotalLines: 10}, out)
		out, _ = pageOf(t, FileReadIn{}, "", pieces)
		require.Equal(t, FileReadOut{}, out)

		long := strings.Repeat(strings.Repeat("x", 999)+"\n", 100)
		out, _ = pageOf(t, FileReadIn{}, long, pieces)
		require.Equal(t, smallResult/1000, out.Lines)
		require.Equal(t, 100, out.TotalLines)
		out, _ = pageOf(t, FileReadIn{Limit: 100}, long, pieces)
		require.Equal(t, largeResult/1000, out.Lines)
		one, text := pageOf(t, FileReadIn{}, strings.Repeat("語", 100_000), pieces)
		require.True(t, text, "characters that lie across two pieces")
		require.LessOrEqual(t, len(one.Content), smallResult+3, "one line beyond the budget is cut")
		require.True(t, utf8.ValidString(one.Content))
		for _, bad := range []string{"a\xff\n", "a\n\x00", "語"[:2], "x" + strings.Repeat("語", 50_000)[1:]} {
			_, text := pageOf(t, FileReadIn{}, bad, pieces)
			require.False(t, text, "%.10q", bad)
		}
	}
}

func TestEveryToolIsDeclaredOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, tool := range All() {
		require.False(t, seen[tool.Name], tool.Name)
		seen[tool.Name] = true
		require.Contains(t, Sets(), tool.Set, tool.Name)
		require.NotNil(t, tool.call, tool.Name)
	}
}
