package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"wt-mcp/state"
)

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

// WorktreeLine is a worktree on one line: [active] auth-refactor -> /path (wt/auth-refactor) task=1 target=main
func WorktreeLine(w state.Worktree) string {
	line := fmt.Sprintf("[%s] %s -> %s (%s)", state.Visible(string(w.Status)), state.Visible(w.Name), state.Visible(w.Path), state.Visible(w.Branch))
	if w.TaskID != nil {
		line += fmt.Sprintf(" task=%d", *w.TaskID)
	}
	if w.Target != "" {
		line += " target=" + state.Visible(w.Target)
	}
	if l := w.Landed; l != nil {
		line += fmt.Sprintf(" landed=%s in %s (%s, %s)", shortID(l.Commit), state.Visible(l.Target), l.Strategy, l.Landing)
		if l.Undone != "" {
			line += " undone=" + l.Undone
		}
	}
	return line
}

// shortID is an object id for people.
func shortID(oid string) string { return oid[:min(len(oid), 10)] }

// problem is an error as a part of an answer.
func problem(err error) string {
	var e *state.Error
	if !errors.As(err, &e) {
		return state.Visible(err.Error())
	}
	return state.Visible(fmt.Sprintf("%v; %s", e, e.Hint))
}

// tail is text behind what introduces it, or nothing.
func tail(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

func join(names []string) string { return strings.Join(names, ", ") }

// indent sets text off from the lines of the board, which begin at the margin.
func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(escapeLines(text), "\n", "\n  ")
}

// EventLine is an event on one line: #4 12:00:01 worktree.create.after task=1 wt=auth-refactor
func EventLine(e state.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s %s", e.Seq, state.Time(e.TS).Format(time.TimeOnly), state.Visible(string(e.Event)))
	if id, ok := e.Task["id"]; ok {
		fmt.Fprintf(&b, " task=%s", state.Visible(fmt.Sprint(id)))
	}
	if name, ok := e.Worktree["name"]; ok {
		fmt.Fprintf(&b, " wt=%s", state.Visible(fmt.Sprint(name)))
	}
	if id, ok := e.Worktree["snapshot"]; ok {
		fmt.Fprintf(&b, " snapshot=%s", state.Visible(fmt.Sprint(id)))
	}
	if e.Actor != "" {
		fmt.Fprintf(&b, " actor=%s", state.Visible(state.Clip(e.Actor, 100)))
	}
	if e.Error != "" {
		fmt.Fprintf(&b, " error=%s", state.Visible(state.Clip(e.Error, 200)))
	}
	if len(e.Detail) > 0 {
		fmt.Fprintf(&b, " %s", state.Visible(state.Clip(detail(e.Detail), 600)))
	}
	return b.String()
}

func detail(f state.Fields) string {
	var parts []string
	for k, v := range f {
		data, _ := json.Marshal(v)
		parts = append(parts, k+"="+string(data))
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

// someFiles cuts a list of files, and makes their names safe to show.
func someFiles(names []string) []string {
	const shown = 50
	out, left := []string{}, smallResult/6
	for _, name := range names[:min(len(names), shown)] {
		name = state.Visible(name)
		if left -= len(name); left < 0 {
			break
		}
		out = append(out, name)
	}
	return out
}

// escapeLines makes each line safe to show.
func escapeLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = state.Visible(lines[i])
	}
	return strings.Join(lines, "\n")
}

// inBytes says a size for people.
func inBytes(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// number is a number of things: 1 file, 2 files.
func number(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// prefixed is text behind a prefix; nothing where there is no text.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
