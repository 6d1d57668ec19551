package tools

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

func worktreeEvents() Tool {
	return define(Tool{
		Name:        "worktree_events",
		Title:       "Read the event log",
		Description: "Read what happened to tasks and worktrees: the newest events, with after_seq those that follow, with wait_seconds those to come.",
		Set:         Default,
		Quiet:       []string{"events.task.subject", "events.task.status", "events.worktree.path", "events.worktree.status", "events.worktree.branch", "events.worktree.base_ref"},
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeEvents, WorktreeEventsOut.text)
}

// WorktreeEventsIn are the arguments of worktree_events.
type WorktreeEventsIn struct {
	Limit       int     `json:"limit,omitempty" jsonschema:"default 20" min:"1" max:"200"`
	AfterSeq    *int64  `json:"after_seq,omitempty" jsonschema:"only events with a higher seq, oldest first" min:"0"`
	WaitSeconds float64 `json:"wait_seconds,omitempty" jsonschema:"wait so long for a new one that matches, default 0" min:"0" max:"600"`
	Worktree    string  `json:"worktree,omitempty"`
	TaskID      int     `json:"task_id,omitempty" min:"1"`
	Event       string  `json:"event,omitempty" jsonschema:"prefix such as worktree.create"`
}

// WorktreeEventsOut is a part of the event log, oldest first.
type WorktreeEventsOut struct {
	Events  []state.Event `json:"events"`
	LastSeq int64         `json:"last_seq" jsonschema:"pass it as after_seq to get what follows"`
	Missed  *state.Missed `json:"missed,omitempty" jsonschema:"events after after_seq that are only in the log .worktrees/<file> and older ones beside it"`
}

// WorktreeEvents reads the event log. A call that waits ends with the first
// events that match; without after_seq it waits for those that come after its start.
func (b *Board) WorktreeEvents(ctx context.Context, in WorktreeEventsIn) (WorktreeEventsOut, error) {
	if in.WaitSeconds <= 0 {
		return b.readEvents(ctx, in)
	}
	watch, err := b.State.Watch()
	if err != nil {
		return WorktreeEventsOut{}, err
	}
	defer watch.Close()
	if in.AfterSeq == nil {
		now, err := b.readEvents(ctx, WorktreeEventsIn{Limit: 1})
		if err != nil {
			return now, err
		}
		in.AfterSeq = &now.LastSeq
	}
	return b.awaitEvents(ctx, in, watch)
}

// awaitEvents reads until something matches or the time is over. What did not
// match is not read again.
func (b *Board) awaitEvents(ctx context.Context, in WorktreeEventsIn, watch state.Watch) (WorktreeEventsOut, error) {
	began, told := time.Now(), time.Now()
	for {
		out, err := b.readEvents(ctx, in)
		waited := time.Since(began)
		left := time.Duration(in.WaitSeconds*float64(time.Second)) - waited
		if err != nil || len(out.Events) > 0 || out.Missed != nil || left <= 0 {
			return out, err
		}
		after := max(*in.AfterSeq, out.LastSeq)
		in.AfterSeq = &after
		if err := watch.Wait(ctx, left); err != nil {
			return out, err
		}
		b.tendAnew() // others may have claimed something since
		if b.Progress != nil && time.Since(told) >= runs.ProgressPause {
			told = time.Now()
			b.Progress(time.Since(began).Seconds(), fmt.Sprintf("no such event up to #%d", out.LastSeq))
		}
	}
}

// readEvents reads what the log has now.
func (b *Board) readEvents(ctx context.Context, in WorktreeEventsIn) (WorktreeEventsOut, error) {
	page := newPage(in.Limit, 20)
	var out WorktreeEventsOut
	err := b.State.View(ctx, func(v *state.View) error {
		p, err := v.ReadLog(state.EventQuery{Limit: page.left + 1, After: in.AfterSeq, Match: in.match, Words: in.words()})
		out = WorktreeEventsOut{Events: p.Events, LastSeq: p.LastSeq, Missed: p.Missed}
		return err
	})
	for i, e := range out.Events {
		out.Events[i].Detail = clipFields(e.Detail)
	}
	if in.AfterSeq != nil {
		out.firstFitting(page)
	} else {
		out.lastFitting(page)
	}
	return out, err
}

func (in WorktreeEventsIn) match(e state.Event) bool {
	if !strings.HasPrefix(string(e.Event), in.Event) {
		return false
	}
	task, name := fmt.Sprint(in.TaskID), in.Worktree
	if in.TaskID != 0 && fmt.Sprint(e.Task["id"]) != task && fmt.Sprint(e.Detail["with_task"]) != task {
		return false
	}
	return name == "" || strings.EqualFold(fmt.Sprint(e.Worktree["name"]), name) || strings.EqualFold(fmt.Sprint(e.Detail["with"]), name)
}

// words are in the line of each event that matches.
func (in WorktreeEventsIn) words() []string {
	words := []string{in.Event, in.Worktree}
	if in.TaskID != 0 {
		words = append(words, strconv.Itoa(in.TaskID))
	}
	return slices.DeleteFunc(words, func(word string) bool { return word == "" || !isASCII(word) })
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// firstFitting keeps the oldest that fit; last_seq then says where to read on.
func (out *WorktreeEventsOut) firstFitting(kept page) {
	for i, e := range out.Events {
		if !kept.take(e, i == 0) {
			out.Events = out.Events[:i]
			out.LastSeq = out.Events[i-1].Seq
			return
		}
	}
}

// lastFitting keeps the newest that fit.
func (out *WorktreeEventsOut) lastFitting(kept page) {
	for i := len(out.Events) - 1; i >= 0; i-- {
		if !kept.take(out.Events[i], i == len(out.Events)-1) {
			out.Events = out.Events[i+1:]
			return
		}
	}
}

// MissedLine says where events are that a reader was too late for.
func MissedLine(m *state.Missed) string {
	line := fmt.Sprintf("Missed: events #%d to #%d are not in the log any more", m.From, m.To)
	if m.File != "" {
		line += fmt.Sprintf(" but in %s/%s and, from before it, in the older logs beside it", state.WorktreesDir, state.Visible(m.File))
	}
	return line
}

func (out WorktreeEventsOut) text() string {
	var b strings.Builder
	if m := out.Missed; m != nil {
		b.WriteString(MissedLine(m) + "\n")
	}
	if len(out.Events) == 0 {
		fmt.Fprintf(&b, "No events (last seq %d).", out.LastSeq)
		return b.String()
	}
	for _, e := range out.Events {
		b.WriteString(EventLine(e) + "\n")
	}
	fmt.Fprintf(&b, "last seq %d", out.LastSeq)
	return b.String()
}
