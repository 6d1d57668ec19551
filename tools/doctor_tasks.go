package tools

import (
	"context"
	"fmt"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// circles finds tasks that wait for themselves. Which of them need not wait is a
// person's decision.
func (d *diagnosis) circles() {
	for _, way := range d.tasks.Circles() {
		d.add(Finding{Kind: "circle", Subject: fmt.Sprintf("task %d", way[0]), What: "it waits for itself and is never ready: " + rules.Circle(way),
			Next: fmt.Sprintf(`task_update {"task_id":%d,"blocked_by":[…]} with those that it has to wait for`, way[0])})
	}
}

// forgotten finds tasks that are in progress by a claim that is not on the board any
// more: nobody can hold them, and the next ready task is never one of them.
func (d *diagnosis) forgotten() {
	held := map[int]bool{}
	for _, c := range d.claims {
		held[c.Task] = true
	}
	for _, t := range d.tasks.All {
		if t.Status != state.InProgress || !t.OpenAttempt || held[t.ID] {
			continue
		}
		d.add(Finding{Kind: "claim", Subject: fmt.Sprintf("task %d", t.ID), What: "it is in progress, but the board has forgotten the claim of " + state.Visible(t.Owner),
			Next: fmt.Sprintf("wt-mcp doctor --fix gives it back, as wt-mcp task release %d does", t.ID),
			mend: func(ctx context.Context) (string, error) {
				_, err := d.board.ReleaseTask(ctx, t.ID, false)
				return "pending again", err
			}})
	}
}

// tracked finds files of the board that git tracks in a repository that others have
// too: what they commit there becomes the board's by a pull.
func (d *diagnosis) tracked(ctx context.Context) error {
	names, err := d.board.Git.Brought(ctx, state.TasksDir, state.WorktreesDir)
	if err != nil || len(names) == 0 {
		return err
	}
	d.add(Finding{Kind: "tracked", Subject: state.Visible(state.Clip(names[0], 100)),
		What: fmt.Sprintf("git tracks it and %d more of the board, so a pull can change the board to what others wrote", len(names)-1),
		Next: "look at what came (git log -- " + state.TasksDir + " " + state.WorktreesDir + "), then git rm -r --cached --ignore-unmatch " + state.TasksDir + " " + state.WorktreesDir})
	return nil
}
