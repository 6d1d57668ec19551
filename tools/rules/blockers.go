package rules

import (
	"fmt"
	"slices"
	"strings"

	"wt-mcp/state"
)

// CheckBlockers accepts the tasks that task id is to wait for: they are there, and
// none of them waits for id in turn. It returns each once.
func CheckBlockers(v *state.View, id int, blockedBy []int) ([]int, error) {
	if len(blockedBy) == 0 {
		return nil, nil
	}
	all, err := v.Tasks()
	if err != nil {
		return nil, err
	}
	var unique []int
	seen := map[int]bool{}
	for _, other := range blockedBy {
		if err := blocker(v, all, id, other); err != nil {
			return nil, err
		}
		if !seen[other] {
			seen[other] = true
			unique = append(unique, other)
		}
	}
	if cycle := all.Cycle(id, unique); cycle != nil {
		return nil, state.Errorf(state.InvalidArgument, "leave out what closes the circle; task_get shows blockedBy and blocks",
			"blocked_by: the tasks would wait for each other: %s", Circle(cycle)).With("argument", "blocked_by").With("cycle", cut(cycle, 100))
	}
	return unique, nil
}

func blocker(v *state.View, all *state.Tasks, id, other int) error {
	if other == id {
		return state.Invalid("blocked_by", "leave it out", "task %d cannot wait for itself", id)
	}
	t, there := all.Find(other)
	if !there {
		if _, err := v.Task(other); state.CodeOf(err) == state.Corrupt {
			return err
		}
		return state.Errorf(state.NotFound, "call task_list to see the tasks", "blocked_by: there is no task %d", other).
			With("argument", "blocked_by").With("task_id", other)
	}
	if t.Status == state.Deleted {
		return state.Invalid("blocked_by", "leave it out", "task %d is deleted", other)
	}
	return nil
}

// Circle shows a circle of tasks: #1 -> #2 -> #1
func Circle(ids []int) string {
	shown := ids
	if len(ids) > 12 {
		shown = slices.Concat(ids[:6], ids[len(ids)-5:])
	}
	var parts []string
	for i, id := range shown {
		if len(ids) > 12 && i == 6 {
			parts = append(parts, fmt.Sprintf("… %d more …", len(ids)-len(shown)))
		}
		parts = append(parts, fmt.Sprintf("#%d", id))
	}
	return strings.Join(parts, " -> ")
}

func cut(ids []int, most int) []int { return ids[:min(len(ids), most)] }

// Startable refuses a task that others must be done before.
func Startable(v *state.View, t state.Task) error {
	if t.Status != state.Pending || len(t.BlockedBy) == 0 {
		return nil
	}
	all, err := v.Tasks()
	if err != nil {
		return err
	}
	open := all.OpenBlockers(t.BlockedBy)
	if len(open) == 0 {
		return nil
	}
	names := make([]string, 0, 5)
	for _, id := range cut(open, 5) {
		names = append(names, fmt.Sprintf("#%d", id))
	}
	if n := len(open) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return state.Errorf(state.Blocked, "do those first, or take another with task_claim {}; worktree_events with wait_seconds waits for task.unblocked",
		"task %d waits for %s", t.ID, strings.Join(names, ", ")).With("task_id", t.ID).With("blocked_by", cut(open, 100))
}

// mostUnblocked bounds how many tasks one change tells to be ready.
const mostUnblocked = 200

// TellUnblocked tells which tasks waited for nothing else than this one, which
// has been closed.
func (r Rules) TellUnblocked(tx *state.Tx, closed int) error {
	all, err := tx.Tasks()
	if err != nil {
		return err
	}
	told := 0
	for _, id := range all.Blocks(closed) {
		t, _ := all.Find(id)
		if t.Status != state.Pending || len(all.OpenBlockers(t.BlockedBy)) > 0 {
			continue
		}
		if told++; told > mostUnblocked {
			continue
		}
		tx.Emit(state.Event{Event: state.TaskUnblocked, Actor: r.Actor, Detail: state.Fields{"by": closed},
			Task: InEvent(t.ID, t.Subject, t.Status)})
	}
	if more := told - mostUnblocked; more > 0 {
		tx.Emit(state.Event{Event: state.TaskUnblocked, Actor: r.Actor, Detail: state.Fields{"by": closed, "more": more}})
	}
	return nil
}
