package tools

import (
	"cmp"
	"context"
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
		Description: "List tasks with status, owner and worktree, by number, or with ready=true those that can be started, best first. Deleted ones only with status=deleted.",
		Set:         Default,
		Core:        true,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).TaskList, TaskListOut.text, TaskListOut.next)
}

// TaskListIn are the arguments of task_list.
type TaskListIn struct {
	Status state.Status `json:"status,omitempty" enum:"pending,in_progress,completed,deleted"`
	Ready  bool         `json:"ready,omitempty" jsonschema:"only pending, unblocked, unclaimed ones, by priority"`
	Owner  *string      `json:"owner,omitempty" jsonschema:"empty: tasks of nobody"`
	Label  string       `json:"label,omitempty"`
	Query  string       `json:"query,omitempty" jsonschema:"words to find in subject, description and notes"`
	Limit  int          `json:"limit,omitempty" jsonschema:"default 50" min:"1" max:"500"`
	Cursor string       `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// TaskSummary is a task of a list.
type TaskSummary struct {
	state.TaskSummary
	BlockersLeftOut int           `json:"blockers_left_out,omitempty" jsonschema:"how many ids blockedBy has no room for"`
	Overlaps        []Overlapping `json:"overlaps,omitempty" jsonschema:"with ready: see worktree_conflicts"`
}

// TaskListOut is a page of the board; counts are of the whole board.
type TaskListOut struct {
	Repository string               `json:"repository" jsonschema:"whose board this is"`
	Tasks      []TaskSummary        `json:"tasks"`
	Counts     map[state.Status]int `json:"counts"`
	NextCursor string               `json:"next_cursor,omitempty"`
	Unreadable int                  `json:"unreadable,omitempty" jsonschema:"how many files cannot be read"`
	Problems   []state.Problem      `json:"problems,omitempty" jsonschema:"the first of them"`

	asked TaskListIn
}

// TaskList returns the chosen tasks by number, or the ready ones by priority, as
// many as fit.
func (b *Board) TaskList(ctx context.Context, in TaskListIn) (TaskListOut, error) {
	after, err := in.after()
	if err != nil {
		return TaskListOut{}, err
	}
	var out TaskListOut
	err = b.State.View(ctx, func(v *state.View) error {
		tasks, err := v.Tasks()
		if err != nil {
			return err
		}
		out = TaskListOut{Repository: b.State.Root(), Tasks: []TaskSummary{}, Counts: tasks.Count(), asked: in}
		out.Unreadable, out.Problems = len(tasks.Problems), tasks.Problems[:min(len(tasks.Problems), maxProblems)]
		taken, err := b.rules().Taken(v)
		if err != nil {
			return err
		}
		all := tasks.All
		if in.Ready {
			all = tasks.Ready(taken.Has)
		}
		if more := out.fill(in.following(all, after), in.filter(v), newPage(in.Limit, 50)); more {
			out.NextCursor = in.placeOf(&out.Tasks[len(out.Tasks)-1].TaskSummary).cursor()
		}
		if in.Ready {
			out.tellOverlaps(v)
		}
		for i := range out.Tasks {
			out.Tasks[i].LeaseExpiresAt = taken[out.Tasks[i].ID].ExpiresAt
		}
		return nil
	})
	return out, err
}

// tellOverlaps notes which of the tasks that may be started would collide with what
// others do.
func (out *TaskListOut) tellOverlaps(v *state.View) {
	told := v.Overlaps()
	for i := range out.Tasks {
		if t := &out.Tasks[i]; t.Worktree != "" && len(told) > 0 {
			t.Overlaps = overlapping(v, t.Worktree, told)
		}
	}
}

// maxProblems is how many files that cannot be read a list names.
const maxProblems = 10

// place is where a task stands in the order of a list. A task that goes keeps its
// place, so a page begins where the one before ended, whoever writes meanwhile.
type place struct {
	ranked   bool
	rank, id int
}

func (in TaskListIn) placeOf(t *state.TaskSummary) place {
	if in.Ready {
		return place{true, t.Rank(), t.ID}
	}
	return place{id: t.ID}
}

func (p place) compare(o place) int {
	if c := cmp.Compare(p.rank, o.rank); c != 0 {
		return c
	}
	return cmp.Compare(p.id, o.id)
}

func (p place) cursor() string {
	if p.ranked {
		return fmt.Sprintf("%d-%d", p.rank, p.id)
	}
	return strconv.Itoa(p.id)
}

// after is the place that the page begins behind.
func (in TaskListIn) after() (p place, err error) {
	if in.Cursor == "" {
		return p, nil
	}
	rank, id, ranked := strings.Cut(in.Cursor, "-")
	if !ranked {
		rank, id = "0", in.Cursor
	}
	n, err1 := strconv.ParseUint(rank, 10, 31)
	m, err2 := strconv.ParseUint(id, 10, 31)
	p = place{ranked, int(n), int(m)}
	if err1 != nil || err2 != nil || ranked != in.Ready {
		return p, state.Invalid("cursor", "pass next_cursor of the page before, with the same ready, or leave it out",
			"%q is no cursor of this list", state.Clip(in.Cursor, 40))
	}
	return p, nil
}

// following are the tasks behind the given place; all are in the order of the list.
func (in TaskListIn) following(all []*state.TaskSummary, after place) []*state.TaskSummary {
	from, found := slices.BinarySearchFunc(all, after, func(t *state.TaskSummary, p place) int { return in.placeOf(t).compare(p) })
	if found {
		from++
	}
	return all[from:]
}

// fill takes the tasks that match, as long as they fit, and reports whether there are more.
func (out *TaskListOut) fill(tasks []*state.TaskSummary, match func(*state.TaskSummary) bool, p page) bool {
	for _, t := range tasks {
		if !match(t) {
			continue
		}
		s := brief(t)
		if !p.take(s, len(out.Tasks) == 0) {
			return true
		}
		out.Tasks = append(out.Tasks, s)
	}
	return false
}

func brief(t *state.TaskSummary) TaskSummary {
	s := TaskSummary{TaskSummary: *t}
	if n := len(s.BlockedBy) - maxBlockers; n > 0 {
		s.BlockedBy, s.BlockersLeftOut = s.BlockedBy[:maxBlockers], n
	}
	return s
}

// filter is what the arguments choose.
func (in TaskListIn) filter(v *state.View) func(*state.TaskSummary) bool {
	words := state.ParseWords(in.Query)
	return func(t *state.TaskSummary) bool {
		switch {
		case in.Status != "" && t.Status != in.Status, in.Status == "" && t.Status == state.Deleted:
			return false
		case in.Owner != nil && !ownedBy(t.Owner, *in.Owner):
			return false
		case in.Label != "" && !slices.Contains(t.Labels, in.Label):
			return false
		}
		return v.Mentions(t, &words)
	}
}

func (out TaskListOut) text() string {
	var b strings.Builder
	if len(out.Tasks) == 0 {
		b.WriteString("No tasks.\n")
	}
	for _, t := range out.Tasks {
		b.WriteString(t.line() + "\n")
		if len(t.Overlaps) > 0 {
			b.WriteString("  ready, but " + overlapText(t.Overlaps) + "\n")
		}
		if t.BlockersLeftOut > 0 {
			fmt.Fprintf(&b, "  blocked by %d tasks, %d named: task_get says which are open\n", len(t.BlockedBy)+t.BlockersLeftOut, len(t.BlockedBy))
		}
	}
	c := out.Counts
	fmt.Fprintf(&b, "%d pending, %d in progress, %d completed in %s", c[state.Pending], c[state.InProgress], c[state.Completed], state.Visible(out.Repository))
	for _, p := range out.Problems {
		fmt.Fprintf(&b, "\nunreadable: %s: %s", state.Visible(p.File), state.Visible(p.Error))
	}
	if n := out.Unreadable - len(out.Problems); n > 0 {
		fmt.Fprintf(&b, "\nunreadable: %d more files", n)
	}
	return b.String()
}

// next is the page behind this one.
func (out TaskListOut) next() []Step {
	if out.NextCursor == "" {
		return nil
	}
	again := out.asked
	again.Cursor = out.NextCursor
	return []Step{{"more", "task_list", again}}
}

func (s TaskSummary) line() string {
	line := TaskLine(state.Task{ID: s.ID, Subject: s.Subject, Status: s.Status, Owner: s.Owner, Worktree: s.Worktree,
		BlockedBy: s.BlockedBy, Priority: s.Priority, Labels: s.Labels})
	if s.LeaseExpiresAt > 0 {
		line += " claimed until " + state.Clock(s.LeaseExpiresAt)
	}
	if s.Lost > 0 {
		line += fmt.Sprintf(" lost=%d", s.Lost)
	}
	return line
}

// ownedBy reports whether the owner is that one, or a session of the client of that
// name: claude-code/456789ab is claude-code's.
func ownedBy(owner, name string) bool {
	return owner == name || name != "" && strings.HasPrefix(owner, name+"/")
}
