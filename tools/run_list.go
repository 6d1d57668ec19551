package tools

import (
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

// going lists the runs that are not over, of every worktree.
func (b *Board) going() (going []runner.Record, err error) {
	records, err := b.Jobs.List("")
	for _, r := range records {
		if !r.Over() {
			going = append(going, r)
		}
	}
	return going, err
}
