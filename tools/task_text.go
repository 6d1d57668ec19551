package tools

import (
	"fmt"
	"strings"

	"wt-mcp/state"
)

// TaskLine is a task on one line: [>] #1: Implement auth refactor owner=alice wt=auth-refactor
// Behind it what is out of the ordinary: blocked_by=#3,#4 p0 [bug,ui]
func TaskLine(t state.Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s #%d: %s", TaskMark(t.Status), t.ID, state.Visible(t.Subject))
	if t.Owner != "" {
		fmt.Fprintf(&b, " owner=%s", state.Visible(t.Owner))
	}
	if t.Worktree != "" {
		fmt.Fprintf(&b, " wt=%s", state.Visible(t.Worktree))
	}
	if len(t.BlockedBy) > 0 {
		fmt.Fprintf(&b, " blocked_by=%s", strings.ReplaceAll(numbers(t.BlockedBy), ", ", ","))
	}
	if t.Priority != state.DefaultPriority {
		fmt.Fprintf(&b, " p%d", t.Priority)
	}
	if len(t.Labels) > 0 {
		fmt.Fprintf(&b, " [%s]", state.Visible(strings.Join(t.Labels, ",")))
	}
	return b.String()
}

// taskLine is the line of a task that is read or changed alone, with the version that
// if_version takes: [ ] #2: Write it v3; without one it is 1
func taskLine(t state.Task) string {
	if t.Version <= 1 {
		return TaskLine(t)
	}
	return fmt.Sprintf("%s v%d", TaskLine(t), t.Version)
}

// quietTask is what a model needs not be told of a task that it has just changed, which
// is at a key of the answer; "" where it is the answer.
func quietTask(key string) []string {
	prefix := ""
	if key != "" {
		prefix = key + "."
	}
	return []string{prefix + "description", prefix + "notes", prefix + "attempts", prefix + "lease_expires_at", prefix + "closeout"}
}

// numbers is a list of tasks, #1, #2, as long as a line may be.
func numbers(ids []int) string {
	var parts []string
	for _, id := range ids[:min(len(ids), maxBlockers)] {
		parts = append(parts, fmt.Sprintf("#%d", id))
	}
	if n := len(ids) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return join(parts)
}

// taskText is a task in words: its line, then what the line has no room for.
func taskText(t state.Task) string {
	text := state.Lines(taskLine(t), indent(t.Description))
	for _, n := range t.Notes {
		text = state.Lines(text, indent(noteLine(n)))
	}
	for _, a := range t.Attempts {
		if a.Outcome != "" {
			text = state.Lines(text, "  "+attemptLine(a))
		}
	}
	if end := t.Closeout; end != nil {
		text = state.Lines(text, indent(strings.TrimSuffix(fmt.Sprintf("closed %s by worktree_%s: %s", day(end.At), end.Action, end.Reason), ": ")+tail("; snapshot ", end.Snapshot)))
	}
	return text
}

func noteLine(n state.Note) string { return fmt.Sprintf("note %s %s: %s", day(n.At), n.Actor, n.Text) }

// attemptLine is the time of a holder that is over: tried by alice from … to …: expired
func attemptLine(a state.Attempt) string {
	return fmt.Sprintf("tried by %s from %s to %s: %s", holder(a.Owner, a.Actor), day(a.ClaimedAt), day(a.EndedAt), state.Visible(a.Outcome))
}

// holder is who has a task: alice (codex-mcp-client/5d1c0e9b)
func holder(owner, actor string) string {
	if actor == "" {
		return state.Visible(owner)
	}
	return state.Visible(owner) + " (" + state.Visible(actor) + ")"
}

// holderNow is who has claimed a task.
func holderNow(t state.Task) string {
	actor := ""
	for _, a := range t.Attempts {
		if a.Outcome == "" {
			actor = a.Actor
		}
	}
	return holder(t.Owner, actor)
}
