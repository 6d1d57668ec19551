package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"wt-mcp/state"
)

func worktreeEvents() Tool {
	return define(Tool{
		Name:        "worktree_events",
		Title:       "Read the event log",
		Description: "Read what happened to tasks and worktrees: the newest events, or with after_seq those that follow.",
		Set:         Default,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeEvents, WorktreeEventsOut.text)
}

// WorktreeEventsIn are the arguments of worktree_events.
type WorktreeEventsIn struct {
	Limit    int    `json:"limit,omitempty" jsonschema:"default 20" min:"1" max:"200"`
	AfterSeq *int64 `json:"after_seq,omitempty" jsonschema:"only events with a higher seq, oldest first" min:"0"`
	Worktree string `json:"worktree,omitempty"`
	TaskID   int    `json:"task_id,omitempty" min:"1"`
	Event    string `json:"event,omitempty" jsonschema:"prefix such as worktree.create"`
}

// WorktreeEventsOut is a part of the event log, oldest first.
type WorktreeEventsOut struct {
	Events  []state.Event `json:"events"`
	LastSeq int64         `json:"last_seq" jsonschema:"pass it as after_seq to get what follows"`
}

// WorktreeEvents reads the event log.
func (b *Board) WorktreeEvents(ctx context.Context, in WorktreeEventsIn) (WorktreeEventsOut, error) {
	page := newPage(in.Limit, 20)
	var out WorktreeEventsOut
	err := b.State.View(ctx, func(v *state.View) (err error) {
		out.Events, out.LastSeq, err = v.Events(state.EventQuery{Limit: page.left + 1, After: in.AfterSeq, Match: in.match})
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
	if !strings.HasPrefix(e.Event, in.Event) {
		return false
	}
	if in.TaskID != 0 && fmt.Sprint(e.Task["id"]) != fmt.Sprint(in.TaskID) {
		return false
	}
	return in.Worktree == "" || strings.EqualFold(fmt.Sprint(e.Worktree["name"]), in.Worktree)
}

// clipFields shortens long texts; the log has all of them.
func clipFields(f state.Fields) state.Fields {
	for key, value := range f {
		switch v := value.(type) {
		case string:
			f[key] = state.Clip(v, 300)
		case map[string]any:
			f[key] = clipFields(v)
		}
	}
	return f
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

func (out WorktreeEventsOut) text() string {
	if len(out.Events) == 0 {
		return fmt.Sprintf("No events (last seq %d).", out.LastSeq)
	}
	var b strings.Builder
	for _, e := range out.Events {
		b.WriteString(EventLine(e) + "\n")
	}
	fmt.Fprintf(&b, "last seq %d", out.LastSeq)
	return b.String()
}

// EventLine is an event on one line: #4 12:00:01 worktree.create.after task=1 wt=auth-refactor
func EventLine(e state.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s %s", e.Seq, state.Time(e.TS).Format(time.TimeOnly), state.Visible(e.Event))
	if id, ok := e.Task["id"]; ok {
		fmt.Fprintf(&b, " task=%s", state.Visible(fmt.Sprint(id)))
	}
	if name, ok := e.Worktree["name"]; ok {
		fmt.Fprintf(&b, " wt=%s", state.Visible(fmt.Sprint(name)))
	}
	if e.Error != "" {
		fmt.Fprintf(&b, " error=%s", state.Visible(state.Clip(e.Error, 200)))
	}
	if len(e.Detail) > 0 {
		fmt.Fprintf(&b, " %s", state.Visible(state.Clip(detail(e.Detail), 200)))
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
