package tools

import (
	"fmt"
	"sort"
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

// Nearest returns at most n of the candidates that name may have been meant as,
// the nearest first.
func Nearest(name string, candidates []string, n int) []string {
	type scored struct {
		name  string
		score int
	}
	var near []scored
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if name != "" && strings.HasPrefix(c, name) {
			d = 0
		}
		if d <= max(2, len(name)/4) || strings.Contains(c, name) && name != "" {
			near = append(near, scored{c, d})
		}
	}
	sort.SliceStable(near, func(i, j int) bool { return near[i].score < near[j].score })
	out := []string{}
	for _, s := range near[:min(n, len(near))] {
		out = append(out, s.name)
	}
	return out
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
// Long names are compared by their beginning.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
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
