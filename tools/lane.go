package tools

import (
	"context"
	"fmt"
	"slices"

	"wt-mcp/state"
)

// autoLane asks for a worktree that is named after its task.
const autoLane = "auto"

// Lane is the worktree of a task that was just claimed, ready to work in.
type Lane struct {
	ReadyWorktree
	laneFacts
}

type laneFacts struct {
	TakenOver bool `json:"taken_over,omitempty" jsonschema:"it was there already, with what others did in it"`
	PortBase  int  `json:"port_base,omitempty" jsonschema:"the first of ten ports that are its own; runs have it as WT_MCP_PORT_BASE"`
}

// MarshalJSON writes the keys of the worktree, then those of the rest.
func (l Lane) MarshalJSON() ([]byte, error) { return joined(l.ReadyWorktree, l.laneFacts) }

func (l Lane) text() string {
	how := "made"
	if l.TakenOver {
		how = "taken over: look at what is in it"
	}
	text := WorktreeLine(l.Worktree) + ", " + how
	if l.PortBase > 0 {
		text += fmt.Sprintf("; ports from %d on", l.PortBase)
	}
	return state.Lines(text, l.readiness.text())
}

// laneFor gives a task its worktree: the one that it has, else the named one if nobody has
// that, else a new one. The claim on the task stands, whatever becomes of this; a call
// that is killed here leaves an operation that the next one ends.
func (b *Board) laneFor(ctx context.Context, t state.Task, name string, claim state.Token) (l Lane, err error) {
	switch at, found := b.standingLane(ctx, t, name); {
	case found && at.TaskID != nil && *at.TaskID == t.ID:
		l.Worktree, l.TakenOver = at, true
	case found:
		_, err = b.bind(ctx, binding{task: t.ID, worktree: at.Name, claim: claim})
		at.TaskID = &t.ID
		l.Worktree, l.TakenOver = at, true
	default:
		l.ReadyWorktree, err = b.newLane(ctx, t, name, claim)
	}
	if err != nil {
		return l, err
	}
	l.PortBase, err = b.Runs.Jobs.PortBase(l.Name, func() ([]string, error) { return state.LiveNames(ctx, b.State) })
	if err != nil {
		b.Log.Warn("reserve ports", "worktree", l.Name, "error", err)
	}
	return l, nil
}

// standingLane is a worktree that is there for the task.
func (b *Board) standingLane(ctx context.Context, t state.Task, name string) (state.Worktree, bool) {
	switch {
	case t.Worktree != "":
		name = t.Worktree
	case name == autoLane:
		return state.Worktree{}, false
	}
	at, err := b.current(ctx, name)
	if err == nil {
		err = b.present(at)
	}
	return at.Worktree, err == nil
}

// newLane makes a worktree. A name of our choice that somebody takes meanwhile is no
// reason to fail.
func (b *Board) newLane(ctx context.Context, t state.Task, name string, claim state.Token) (out ReadyWorktree, err error) {
	const tries = 3
	chosen := name
	for range tries {
		if name == autoLane {
			if chosen, err = b.freeName(ctx, laneName(t)); err != nil {
				return out, err
			}
		}
		out, err = b.make(ctx, newWorktree{name: chosen, task: t.ID, claim: claim})
		if name != autoLane || state.CodeOf(err) != state.AlreadyExists {
			break
		}
	}
	return out, err
}

// inShort leaves of a task what fits into the first answer to whoever takes it: the
// last attempts with the last notes, and as much of the description as there is room
// for. It reports whether that is not all.
func inShort(t state.Task) (state.Task, bool) {
	const room, most, noteLength, each = 360, 2, 60, 40
	ended := slices.DeleteFunc(slices.Clone(t.Attempts), func(a state.Attempt) bool { return a.Outcome == "" }) // the claim is that one
	cut := len(t.Notes) > most || len(ended) > most
	t.Attempts = ended[max(0, len(ended)-most):]
	t.Notes = slices.Clone(t.Notes[max(0, len(t.Notes)-most):])
	left := room - each*len(t.Attempts)
	for i, n := range t.Notes {
		t.Notes[i].Text = state.Clip(n.Text, noteLength)
		cut = cut || t.Notes[i].Text != n.Text
		left -= each + len(t.Notes[i].Text)
	}
	whole := t.Description
	t.Description = state.Clip(whole, max(left, noteLength))
	return t, cut || t.Description != whole
}
