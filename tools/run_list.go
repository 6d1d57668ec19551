package tools

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/runner"
)

// RunLine is a run in short.
type RunLine struct {
	RunID           string        `json:"run_id"`
	Command         string        `json:"command" jsonschema:"its beginning"`
	Status          runner.Status `json:"status"`
	ExitCode        *int          `json:"exit_code,omitempty"`
	Background      bool          `json:"background"`
	StartedAt       float64       `json:"started_at"`
	DurationSeconds float64       `json:"duration_seconds"`
	OutputBytes     int64         `json:"output_bytes"`
}

func (r RunLine) text() string {
	mark := "[x]"
	if r.Status == runner.Running {
		mark = "[>]"
	}
	line := fmt.Sprintf("%s %s: %s", mark, statusLine(r.RunID, r.Status, r.ExitCode, r.DurationSeconds), r.Command)
	if r.Background {
		line += " (background)"
	}
	return line
}

// runLines lists every run of a worktree that is going, and the newest others.
func (b *Board) runLines(w state.Worktree) ([]RunLine, error) {
	const others, most = 5, 20
	records, err := b.Jobs.List(w.Name)
	lines, over := []RunLine{}, 0
	for _, r := range records {
		if r.StartedAt < w.CreatedAt { // of an earlier worktree of that name
			continue
		}
		if r.Over() {
			over++
		}
		if r.Over() && over > others || len(lines) == most {
			continue
		}
		line := RunLine{RunID: r.ID, Command: state.Clip(state.Visible(r.Command), 60), Status: r.Status, Background: r.Background,
			StartedAt: r.StartedAt, DurationSeconds: r.Seconds(time.Now()), OutputBytes: r.OutputBytes}
		if r.Over() {
			line.ExitCode = &r.ExitCode
		} else if log, err := b.Jobs.Log(r); err == nil {
			line.OutputBytes = log.Size()
		}
		lines = append(lines, line)
	}
	return lines, err
}

// going lists the runs of a worktree that are not over.
func (b *Board) going(name string) (going []runner.Record, err error) {
	records, err := b.Jobs.List(name)
	for _, r := range records {
		if !r.Over() {
			going = append(going, r)
		}
	}
	return going, err
}

// runsInTheWay refuses to take a worktree from under a foreground run: somebody
// waits for it.
func runsInTheWay(w state.Worktree, going []runner.Record) error {
	for _, r := range going {
		if !r.Background {
			return state.Errorf(state.InUse, fmt.Sprintf(`wait for it, or call run_stop {"run_id":%q}, or worktree_remove {"name":%q,"force":true}, which ends it`, r.ID, w.Name),
				"run %s is going in worktree %s: %s", r.ID, w.Name, state.Clip(state.Visible(r.Command), 60)).With("run_id", r.ID)
		}
	}
	return nil
}

// endRuns ends what runs in a worktree that is about to be removed. Where git
// would refuse the removal, nothing is ended.
func (b *Board) endRuns(ctx context.Context, w state.Worktree, force bool) error {
	going, err := b.going(w.Name)
	if err != nil || len(going) == 0 {
		return err
	}
	if !force {
		if err := runsInTheWay(w, going); err != nil {
			return err
		}
	}
	if err := b.obstacle(ctx, state.Intent{Name: w.Name, Path: w.Path, Branch: w.Branch, BaseRef: w.BaseRef, Force: force}); err != nil {
		return nil // it will be refused, in the same words
	}
	ended := make(chan error)
	for _, r := range going {
		go func() {
			_, err := b.Jobs.Stop(ctx, r.ID, "worktree_remove")
			ended <- err
		}()
	}
	var errs []error
	for range going {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
