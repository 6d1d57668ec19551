package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
)

func taskGet() Tool {
	return define(Tool{
		Name:        "task_get",
		Title:       "Read a task",
		Description: "Read one task whole: description, notes, binding.",
		Set:         Default,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).TaskGet, taskText)
}

// TaskGetIn are the arguments of task_get.
type TaskGetIn struct {
	TaskID int `json:"task_id" min:"1"`
}

// TaskGet reads one task, deleted or not.
func (b *Board) TaskGet(ctx context.Context, in TaskGetIn) (t state.Task, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		t, err = v.Task(in.TaskID)
		return err
	})
	return fitTask(t, largeResult), err
}

// taskText is a task in words: its line, then what the line has no room for.
func taskText(t state.Task) string {
	text := lines(TaskLine(t), indent(t.Description))
	for _, n := range t.Notes {
		at := state.Time(n.At).Format(time.DateTime)
		text = lines(text, indent(fmt.Sprintf("note %s %s: %s", at, n.Actor, n.Text)))
	}
	return text
}

// indent sets text off from the lines of the board, which begin at the margin.
func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(escapeLines(text), "\n", "\n  ")
}

// fitTask shortens the long texts of a task until it fits a result, the oldest
// notes first; the file has all of it.
func fitTask(t state.Task, budget int) state.Task {
	size := jsonSize(t)
	for size > budget && len(t.Notes) > 1 {
		size -= jsonSize(t.Notes[0]) + 1
		t.Notes = t.Notes[1:]
	}
	for limit := budget; limit > 200 && jsonSize(t) > budget; limit /= 2 {
		t.Description = clipText(t.Description, limit, t.ID)
		if t.Closeout != nil {
			end := *t.Closeout
			end.Reason = clipText(end.Reason, limit, t.ID)
			t.Closeout = &end
		}
		if len(t.Notes) > 0 {
			last := t.Notes[len(t.Notes)-1]
			last.Text = clipText(last.Text, limit, t.ID)
			t.Notes = []state.Note{last}
		}
	}
	return t
}

func jsonSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(data)
}

func clipText(s string, limit, id int) string {
	if len(s) <= limit {
		return s
	}
	cut := state.Clip(s, max(1, limit/4))
	return fmt.Sprintf("%s [cut; all of it: .tasks/task_%d.json]", cut, id)
}
