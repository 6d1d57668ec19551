package runs

import (
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/runner"
)

// Out is what became of a command, so far.
type Out struct {
	RunID           string        `json:"run_id"`
	Worktree        string        `json:"worktree"`
	Status          runner.Status `json:"status" jsonschema:"running, exited, timed_out or cancelled"`
	ExitCode        *int          `json:"exit_code,omitempty"`
	Output          string        `json:"output" jsonschema:"stdout and stderr in their order"`
	OutputBytes     int64         `json:"output_bytes"`
	Truncated       bool          `json:"truncated" jsonschema:"a part in the middle is left out of output"`
	NextOffset      int64         `json:"next_offset" jsonschema:"where run_output goes on"`
	DurationSeconds float64       `json:"duration_seconds"`
	Log             string        `json:"log"`
	Containment     string        `json:"containment,omitempty" jsonschema:"how it was held, where something was to be ended or the hold is weak"`
	Cause           string        `json:"cause,omitempty" jsonschema:"why it was cancelled"`
	LeftRunning     []string      `json:"left_running,omitempty" jsonschema:"what the shell left running and was ended"`
	Survivors       []string      `json:"survivors,omitempty" jsonschema:"what could not be ended"`
	EnvDropped      []string      `json:"env_dropped,omitempty"`
	Notes           []string      `json:"notes,omitempty"`

	MainCheckoutChanges []string `json:"main_checkout_changes,omitempty" jsonschema:"files that changed in the main checkout while it went"`

	Warning string `json:"-"` // of changes in the main checkout
}

// Read is a run as it stands, with the beginning and the end of its output, of budget
// bytes at most.
func (r *Runs) Read(id string, budget int) (Out, error) {
	run, err := r.Jobs.Get(id)
	if err != nil {
		return Out{}, Error(err)
	}
	log, err := r.Jobs.Log(run)
	if err != nil {
		return Out{}, err
	}
	brief, err := log.Brief(id, budget)
	if err != nil {
		return Out{}, err
	}
	out := Out{RunID: id, Worktree: run.Worktree, Status: run.Status, Output: brief.Text, OutputBytes: brief.Size,
		Truncated: brief.Truncated, NextOffset: brief.Next, DurationSeconds: run.Seconds(time.Now()), Log: r.Jobs.LogPath(id),
		Containment: told(run), Cause: run.Cause, LeftRunning: run.LeftRunning, Survivors: run.Survivors, EnvDropped: run.EnvDropped,
		MainCheckoutChanges: run.MainChanges, Warning: EscapeWarning(run)}
	if run.MainUnseen {
		out.Notes = append(out.Notes, unseenNote)
	}
	if run.Over() {
		out.ExitCode, out.OutputBytes = &run.ExitCode, run.OutputBytes
	}
	return out, nil
}

// told is how a run was held, where that is worth a word.
func told(run runner.Record) string {
	if run.Containment == runner.WholeHold && len(run.LeftRunning)+len(run.Survivors) == 0 {
		return ""
	}
	return run.Containment
}

// Text says it to a model.
func (out Out) Text() string {
	text := StatusLine(out.RunID, out.Status, out.ExitCode, out.DurationSeconds)
	if out.Cause != "" {
		text += ": " + state.Visible(out.Cause)
	}
	if out.Truncated {
		text += fmt.Sprintf(", %d bytes of output cut to head and tail", out.OutputBytes)
	}
	if len(out.LeftRunning) > 0 {
		text += "\nleft running and ended: " + strings.Join(out.LeftRunning, ", ") + " (use background for servers)"
	}
	if len(out.Survivors) > 0 {
		text += "\nCOULD NOT BE ENDED: " + strings.Join(out.Survivors, ", ")
	}
	if out.Containment != "" {
		text += "\nheld by: " + out.Containment
	}
	if out.Warning != "" {
		text += "\n" + out.Warning
	}
	if len(out.EnvDropped) > 0 {
		text += "\nvariables not passed on: " + strings.Join(out.EnvDropped, ", ")
	}
	for _, note := range out.Notes {
		text += "\nnote: " + note
	}
	if out.Output == "" {
		return text + "\n(no output)"
	}
	return text + "\n" + strings.TrimRight(out.Output, "\n")
}

// StatusLine says how a run stands.
func StatusLine(id string, status runner.Status, code *int, seconds float64) string {
	if code == nil {
		return fmt.Sprintf("%s, %.2f s, run %s", status, seconds, id)
	}
	return fmt.Sprintf("%s, exit code %d, %.2f s, run %s", status, *code, seconds, id)
}
