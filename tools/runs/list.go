package runs

import (
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/runner"
)

// Line is a run in short.
type Line struct {
	RunID           string        `json:"run_id"`
	Command         string        `json:"command" jsonschema:"its beginning"`
	Status          runner.Status `json:"status"`
	ExitCode        *int          `json:"exit_code,omitempty"`
	Background      bool          `json:"background"`
	StartedAt       float64       `json:"started_at"`
	DurationSeconds float64       `json:"duration_seconds"`
	OutputBytes     int64         `json:"output_bytes"`
}

// Text is a run on one line.
func (r Line) Text() string {
	mark := "[x]"
	if r.Status == runner.Running {
		mark = "[>]"
	}
	line := fmt.Sprintf("%s %s: %s", mark, StatusLine(r.RunID, r.Status, r.ExitCode, r.DurationSeconds), r.Command)
	if r.Background {
		line += " (background)"
	}
	return line
}

// Lines lists every run of a worktree that is going, and the newest others.
func (r *Runs) Lines(w state.Worktree) ([]Line, error) {
	const others, most = 5, 20
	records, err := r.Jobs.List(w.Name)
	lines, over := []Line{}, 0
	for _, run := range records {
		if run.StartedAt < w.CreatedAt { // of an earlier worktree of that name
			continue
		}
		if run.Over() {
			over++
		}
		if run.Over() && over > others || len(lines) == most {
			continue
		}
		line := Line{RunID: run.ID, Command: state.Clip(state.Visible(run.Command), 60), Status: run.Status, Background: run.Background,
			StartedAt: run.StartedAt, DurationSeconds: run.Seconds(time.Now()), OutputBytes: run.OutputBytes}
		if run.Over() {
			line.ExitCode = &run.ExitCode
		} else if log, err := r.Jobs.Log(run); err == nil {
			line.OutputBytes = log.Size()
		}
		lines = append(lines, line)
	}
	return lines, err
}

// Going lists the runs that are not over, of every worktree.
func (r *Runs) Going() (going []runner.Record, err error) {
	records, err := r.Jobs.List("")
	for _, run := range records {
		if !run.Over() {
			going = append(going, run)
		}
	}
	return going, err
}

// Last says when the newest run of each worktree began or ended, by name in lower
// case.
func (r *Runs) Last() map[string]float64 {
	last := map[string]float64{}
	records, err := r.Jobs.List("")
	if err != nil {
		return last
	}
	for _, run := range records {
		name := strings.ToLower(run.Worktree)
		last[name] = max(last[name], run.StartedAt, run.EndedAt)
	}
	return last
}

// Alive tells of a run what keeps a claim alive, see [rules.Rules].
func (r *Runs) Alive(id string) (going bool, ended float64) {
	run, going := r.Jobs.Peek(id)
	if !going && run.Over() {
		ended = run.EndedAt
	}
	return going, ended
}
