package tools

import (
	"context"
	"fmt"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

func runStop() Tool {
	return define(Tool{
		Name:        "run_stop",
		Title:       "End a run",
		Description: "End a run with all that it started. One that is over stays as it is.",
		Set:         Default,
		Quiet:       quietRun(),
		Destructive: true,
		Idempotent:  true,
	}, (*Board).RunStop, runs.Out.Text, follow)
}

// RunStopIn are the arguments of run_stop.
type RunStopIn struct {
	RunID string      `json:"run_id"`
	Claim state.Token `json:"claim,omitzero"`
}

// RunStop ends a run, whichever process started it.
func (b *Board) RunStop(ctx context.Context, in RunStopIn) (runs.Out, error) {
	if err := runs.CheckID(in.RunID); err != nil {
		return runs.Out{}, err
	}
	if err := b.holdRun(ctx, in); err != nil {
		return runs.Out{}, err
	}
	why := "run_stop"
	if b.Actor != "" {
		why = fmt.Sprintf("run_stop by %s", b.Actor)
	}
	if _, err := b.Runs.Jobs.Stop(ctx, in.RunID, why); err != nil {
		return runs.Out{}, runs.Error(err)
	}
	out, err := b.Runs.Read(in.RunID, smallResult)
	out.EnvDropped = nil
	return out, err
}

// holdRun refuses to end what runs for somebody else's claimed task.
func (b *Board) holdRun(ctx context.Context, in RunStopIn) error {
	r, err := b.Runs.Jobs.Get(in.RunID)
	if err != nil || r.Over() {
		return runs.Error(err)
	}
	w, err := b.lookUp(ctx, r.Worktree)
	if err != nil || w.TaskID == nil {
		w = state.Worktree{Name: r.Worktree}
		if r.Task > 0 {
			w.TaskID = &r.Task
		}
	}
	return b.hold(ctx, w, in.Claim)
}
