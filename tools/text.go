package tools

import (
	"fmt"
	"strings"

	"wt-mcp/state"
)

// Budgets of one result, in bytes: what a call gets that did not ask for more,
// and what one gets that did.
const (
	smallResult = 7_000
	largeResult = 48_000
)

// TaskLine is a task on one line: [>] #1: Implement auth refactor owner=alice wt=auth-refactor
func TaskLine(t state.Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s #%d: %s", TaskMark(t.Status), t.ID, state.Visible(t.Subject))
	if t.Owner != "" {
		fmt.Fprintf(&b, " owner=%s", state.Visible(t.Owner))
	}
	if t.Worktree != "" {
		fmt.Fprintf(&b, " wt=%s", state.Visible(t.Worktree))
	}
	return b.String()
}

// TaskMark is the sign of a status at the beginning of a line.
func TaskMark(s state.Status) string {
	switch s {
	case state.Pending:
		return "[ ]"
	case state.InProgress:
		return "[>]"
	case state.Completed:
		return "[x]"
	case state.Deleted:
		return "[-]"
	}
	return "[?]"
}

// WorktreeLine is a worktree on one line: [active] auth-refactor -> /path (wt/auth-refactor) task=1
func WorktreeLine(w state.Worktree) string {
	line := fmt.Sprintf("[%s] %s -> %s (%s)", state.Visible(string(w.Status)), state.Visible(w.Name), state.Visible(w.Path), state.Visible(w.Branch))
	if w.TaskID != nil {
		line += fmt.Sprintf(" task=%d", *w.TaskID)
	}
	return line
}

func join(names []string) string { return strings.Join(names, ", ") }

// lines joins what is not empty.
func lines(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n")
}
