package rules

import (
	"slices"
	"strings"

	"wt-mcp/state"
)

// Untold reports whether the board has something else than these overlaps, so that
// TellOverlaps would change it.
func (r Rules) Untold(v *state.View, now []state.Overlap, unsure func(name string) bool) bool {
	_, fresh, cleared := settle(v.Overlaps(), now, unsure)
	return len(fresh)+len(cleared) > 0
}

// TellOverlaps notes which lanes overlap and tells of each that is new, or has other
// files, or is over: once, whoever else has seen it. One of a lane of which not all is
// known stays.
func (r Rules) TellOverlaps(tx *state.Tx, now []state.Overlap, unsure func(name string) bool) error {
	kept, fresh, cleared := settle(tx.Overlaps(), now, unsure)
	if len(fresh)+len(cleared) == 0 {
		return nil
	}
	entries, err := tx.Worktrees()
	if err != nil {
		return err
	}
	for _, o := range fresh {
		tx.Emit(r.overlapEvent(state.WorktreeOverlap, o, entries))
	}
	for _, o := range cleared {
		tx.Emit(r.overlapEvent(state.WorktreeOverlapCleared, o, entries))
	}
	tx.PutOverlaps(kept)
	return nil
}

// settle compares what the board was told with what is found now.
func settle(told, now []state.Overlap, unsure func(name string) bool) (kept, fresh, cleared []state.Overlap) {
	for _, o := range now {
		i := slices.IndexFunc(told, o.Same)
		switch {
		case i < 0, told[i].All != o.All:
			fresh = append(fresh, o)
		default:
			o = told[i] // since when it is so
		}
		kept = append(kept, o)
	}
	for _, o := range told {
		switch {
		case slices.ContainsFunc(now, o.Same):
		case unsure(o.A) || unsure(o.B):
			kept = append(kept, o)
		default:
			cleared = append(cleared, o)
		}
	}
	slices.SortFunc(kept, func(p, q state.Overlap) int { return strings.Compare(p.A+"/"+p.B, q.A+"/"+q.B) })
	return kept, fresh, cleared
}

// overlapEvent is about the first of the two lanes, and has the other in its detail.
func (r Rules) overlapEvent(name state.EventName, o state.Overlap, entries []state.Worktree) state.Event {
	e := state.Event{Event: name, Actor: r.Actor, Worktree: state.Fields{"name": o.A},
		Detail: state.Fields{"with": o.B, "files": o.Files}, Task: TaskFields(taskOf(entries, o.A))}
	if id := taskOf(entries, o.B); id != nil {
		e.Detail["with_task"] = *id
	}
	if o.More > 0 {
		e.Detail["more"] = o.More
	}
	return e
}

func taskOf(entries []state.Worktree, name string) *int {
	for _, w := range entries {
		if w.Live() && strings.EqualFold(w.Name, name) {
			return w.TaskID
		}
	}
	return nil
}
