package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
)

func taskGet() Tool {
	return define(Tool{
		Name:        "task_get",
		Title:       "Read a task",
		Description: "Read one task whole: description, notes, binding, what it waits for and what waits for it.",
		Set:         Default,
		Quiet:       []string{"attempts.claim"},
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).TaskGet, TaskGetOut.text)
}

// TaskGetIn are the arguments of task_get.
type TaskGetIn struct {
	TaskID int `json:"task_id" min:"1"`
}

// TaskGetOut is a task, and how it stands to others. It is one object, with the
// keys of the task first.
type TaskGetOut struct {
	state.Task
	taskLinks
}

// taskLinks is how a task stands to others.
type taskLinks struct {
	Ready         bool          `json:"ready" jsonschema:"it can be started: pending, nothing blocks it, nobody has it"`
	Blocks        []int         `json:"blocks" jsonschema:"tasks that wait for it"`
	BlockedByOpen []int         `json:"blocked_by_open" jsonschema:"tasks that it waits for"`
	LeaseLeft     int           `json:"lease_seconds_left,omitempty" jsonschema:"until its claim ends, unless renewed"`
	Overlaps      []Overlapping `json:"overlaps,omitempty" jsonschema:"worktrees that change the same, as last seen: see worktree_conflicts"`
	Cut           string        `json:"cut,omitempty" jsonschema:"which lists of numbers are cut"`
}

// MarshalJSON writes the task's keys, then those of the rest.
func (out TaskGetOut) MarshalJSON() ([]byte, error) { return joined(out.Task, out.taskLinks) }

// TaskGet reads one task, deleted or not.
func (b *Board) TaskGet(ctx context.Context, in TaskGetIn) (out TaskGetOut, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		t, err := v.Task(in.TaskID)
		if err != nil {
			return err
		}
		tasks, err := v.Tasks()
		if err != nil {
			return err
		}
		out = TaskGetOut{Task: t}
		out.Blocks = orEmpty(tasks.Blocks(t.ID))
		out.BlockedByOpen = orEmpty(tasks.OpenBlockers(t.BlockedBy))
		s, found := tasks.Find(t.ID)
		taken, err := b.rules().Taken(v)
		out.Ready = found && tasks.Startable(s) && !taken.Has(s)
		out.LeaseExpiresAt = taken[t.ID].ExpiresAt
		out.LeaseLeft = secondsUntil(out.LeaseExpiresAt, b.State.Now())
		if t.Worktree != "" && t.Status.Open() {
			out.Overlaps = overlapping(v, t.Worktree, v.Overlaps())
		}
		return err
	})
	if err == nil {
		out.fit()
	}
	return out, err
}

func orEmpty(ids []int) []int {
	if ids == nil {
		return []int{}
	}
	return ids
}

// maxNumbers is how many tasks each list of a task names; with three lists of
// them a result keeps most of its room for the texts.
const maxNumbers = 1000

// fit cuts the lists and then the texts until the task fits a result, and says
// which lists it cut.
func (out *TaskGetOut) fit() {
	blockedBy, blocks, open := len(out.BlockedBy), len(out.Blocks), len(out.BlockedByOpen)
	out.BlockedBy = out.BlockedBy[:min(blockedBy, maxNumbers)]
	out.Blocks = out.Blocks[:min(blocks, maxNumbers)]
	out.BlockedByOpen = out.BlockedByOpen[:min(open, maxNumbers)]
	const roomForCut = 200
	out.Task = fitTask(out.Task, largeResult-jsonSize(out.taskLinks)-roomForCut)
	out.Cut = state.Lines(cutTo("blockedBy", len(out.BlockedBy), blockedBy), cutTo("blocks", len(out.Blocks), blocks),
		cutTo("blocked_by_open", len(out.BlockedByOpen), open))
}

func cutTo(list string, left, whole int) string {
	if left == whole {
		return ""
	}
	return fmt.Sprintf("%s has %d of %d", list, left, whole)
}

// text is the task, and what it waits for.
func (out TaskGetOut) text() string {
	text := taskText(out.Task)
	if len(out.BlockedByOpen) > 0 {
		text = state.Lines(text, "  waits for "+numbers(out.BlockedByOpen))
	}
	if len(out.Blocks) > 0 {
		text = state.Lines(text, "  blocks "+numbers(out.Blocks))
	}
	if out.LeaseExpiresAt > 0 {
		text = state.Lines(text, fmt.Sprintf("  claimed by %s until %s (%s) unless renewed", holderNow(out.Task), state.Clock(out.LeaseExpiresAt), inTime(out.LeaseLeft)))
	}
	if out.Ready {
		text = state.Lines(text, strings.TrimSuffix("  ready, but "+overlapText(out.Overlaps), ", but "))
	} else if len(out.Overlaps) > 0 {
		text = state.Lines(text, "  "+overlapText(out.Overlaps))
	}
	if out.Cut != "" {
		text = state.Lines(text, indent(fmt.Sprintf("[cut; all of it: .tasks/task_%d.json]\n%s", out.ID, out.Cut)))
	}
	return text
}
