package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wt-mcp/state"
)

func taskList() Tool {
	return define(Tool{
		Name:        "task_list",
		Title:       "List tasks",
		Description: "List tasks with status, owner and worktree, by number. Deleted ones only with status=deleted.",
		Set:         Default,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).TaskList, TaskListOut.text)
}

// TaskListIn are the arguments of task_list.
type TaskListIn struct {
	Status state.Status `json:"status,omitempty" enum:"pending,in_progress,completed,deleted"`
	Owner  *string      `json:"owner,omitempty" jsonschema:"empty: tasks of nobody"`
	Label  string       `json:"label,omitempty"`
	Query  string       `json:"query,omitempty" jsonschema:"words to find in subject, description and notes"`
	Limit  int          `json:"limit,omitempty" jsonschema:"default 50" min:"1" max:"500"`
	Cursor string       `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// TaskSummary is a task without its long texts.
type TaskSummary struct {
	ID        int          `json:"id"`
	Subject   string       `json:"subject"`
	Status    state.Status `json:"status"`
	Owner     string       `json:"owner"`
	Worktree  string       `json:"worktree"`
	BlockedBy []int        `json:"blockedBy"`
	Priority  int          `json:"priority"`
	Labels    []string     `json:"labels,omitempty"`
	UpdatedAt float64      `json:"updated_at"`
}

// TaskListOut is a page of the board; counts are of the whole board.
type TaskListOut struct {
	Tasks      []TaskSummary        `json:"tasks"`
	Counts     map[state.Status]int `json:"counts"`
	NextCursor string               `json:"next_cursor,omitempty"`
	Problems   []state.Problem      `json:"problems,omitempty" jsonschema:"files that cannot be read"`
}

// TaskList returns the chosen tasks by number, as many as fit.
func (b *Board) TaskList(ctx context.Context, in TaskListIn) (TaskListOut, error) {
	after, err := in.after()
	if err != nil {
		return TaskListOut{}, err
	}
	var out TaskListOut
	err = b.State.View(ctx, func(v *state.View) error {
		all, err := v.Tasks()
		if err != nil { return err }
		problems := all.Problems
		var tasks []state.Task
		for _, one := range all.All { full, err := v.Task(one.ID); if err != nil { return err }; tasks = append(tasks, full) }
		out = TaskListOut{Tasks: []TaskSummary{}, Counts: map[state.Status]int{}, Problems: problems}
		for _, s := range state.Statuses() {
			out.Counts[s] = 0
		}
		page := newPage(in.Limit, 50)
		for _, t := range tasks {
			out.Counts[t.Status]++
			if t.ID > after && in.match(t) && !page.full {
				out.add(t, &page)
			}
		}
		return err
	})
	return out, err
}

// after is the number that the page begins behind.
func (in TaskListIn) after() (int, error) {
	if in.Cursor == "" {
		return 0, nil
	}
	id, err := strconv.Atoi(in.Cursor)
	if err != nil || id < 0 {
		return 0, invalid("cursor", "pass next_cursor of the page before, or leave it out", "%q is no cursor", state.Clip(in.Cursor, 40))
	}
	return id, nil
}

// page counts what still fits a result.
type page struct {
	left, bytes int
	full        bool
}

// newPage is as large as the caller asked for, or of an ordinary size.
func newPage(limit, ordinary int) page {
	if limit == 0 {
		return page{left: ordinary, bytes: smallResult}
	}
	return page{left: limit, bytes: largeResult}
}

// take reports whether v fits; the first always does.
func (p *page) take(v any, first bool) bool {
	data, err := json.Marshal(v)
	p.left, p.bytes = p.left-1, p.bytes-len(data)
	p.full = err != nil || p.left < 0 || (p.bytes < 0 && !first)
	return !p.full
}

func (out *TaskListOut) add(t state.Task, p *page) {
	s := TaskSummary{ID: t.ID, Subject: t.Subject, Status: t.Status, Owner: t.Owner, Worktree: t.Worktree,
		BlockedBy: t.BlockedBy, Priority: t.Priority, Labels: t.Labels, UpdatedAt: t.UpdatedAt}
	if p.take(s, len(out.Tasks) == 0) {
		out.Tasks = append(out.Tasks, s)
		return
	}
	out.NextCursor = strconv.Itoa(out.Tasks[len(out.Tasks)-1].ID)
}

func (in TaskListIn) match(t state.Task) bool {
	switch {
	case in.Status != "" && t.Status != in.Status, in.Status == "" && t.Status == state.Deleted:
		return false
	case in.Owner != nil && t.Owner != *in.Owner:
		return false
	case in.Label != "" && !slices.Contains(t.Labels, in.Label):
		return false
	}
	return in.Query == "" || containsWords(t, in.Query)
}

// containsWords reports whether every word occurs somewhere in the task's texts.
func containsWords(t state.Task, query string) bool {
	text := strings.ToLower(t.Subject + "\n" + t.Description)
	for _, n := range t.Notes {
		text += "\n" + strings.ToLower(n.Text)
	}
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (out TaskListOut) text() string {
	var b strings.Builder
	if len(out.Tasks) == 0 {
		b.WriteString("No tasks.\n")
	}
	for _, t := range out.Tasks {
		b.WriteString(t.line() + "\n")
	}
	c := out.Counts
	fmt.Fprintf(&b, "%d pending, %d in progress, %d completed", c[state.Pending], c[state.InProgress], c[state.Completed])
	if out.NextCursor != "" {
		fmt.Fprintf(&b, "\nmore: task_list with cursor=%q", out.NextCursor)
	}
	for _, p := range out.Problems {
		fmt.Fprintf(&b, "\nunreadable: %s: %s", state.Visible(p.File), state.Visible(p.Error))
	}
	return b.String()
}

func (s TaskSummary) line() string {
	return TaskLine(state.Task{ID: s.ID, Subject: s.Subject, Status: s.Status, Owner: s.Owner, Worktree: s.Worktree})
}
