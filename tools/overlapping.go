package tools

import (
	"fmt"
	"strings"

	"wt-mcp/state"
)

// Overlapping is another worktree that changes the same files as a task's does, as the
// board was told of it last; worktree_conflicts looks anew.
type Overlapping struct {
	With  string   `json:"with"`
	Task  int      `json:"task,omitempty"`
	Files []string `json:"files"`
	More  int      `json:"files_left_out,omitempty"`
}

// maxOverlapping is how many other worktrees are named beside a task, and files of each.
const maxOverlapping = 3

// overlapping are the live worktrees that the one of a task overlaps with.
func overlapping(v *state.View, worktree string, told []state.Overlap) (list []Overlapping) {
	var entries []state.Worktree
	for _, o := range told {
		with := o.With(worktree)
		if with == "" || worktree == "" || len(list) == maxOverlapping {
			continue
		}
		if entries == nil {
			entries, _ = v.Worktrees() // without the registry none of them is live
		}
		for _, w := range entries {
			if !w.Live() || !strings.EqualFold(w.Name, with) {
				continue
			}
			n := min(len(o.Files), maxOverlapping)
			one := Overlapping{With: w.Name, More: len(o.Files) - n + o.More}
			for _, file := range o.Files[:n] {
				one.Files = append(one.Files, state.Visible(state.Clip(file, 200)))
			}
			if w.TaskID != nil {
				one.Task = *w.TaskID
			}
			list = append(list, one)
		}
	}
	return list
}

// overlapText is overlaps #12 (wt auth) in auth.go, db.go and 3 more
func overlapText(list []Overlapping) string {
	var parts []string
	for _, o := range list {
		who := "wt " + state.Visible(o.With)
		if o.Task != 0 {
			who = fmt.Sprintf("#%d (%s)", o.Task, who)
		}
		text := "overlaps " + who + " in " + join(o.Files)
		if o.More > 0 {
			text += fmt.Sprintf(" and %d more", o.More)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
