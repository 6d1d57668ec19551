package tools

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/runner"
	"wt-mcp/tools/runs"
)

func runOutput() Tool {
	return define(Tool{
		Name:        "run_output",
		Title:       "Read the output of a run",
		Description: "Read a run's output from a byte offset on (next_offset goes on), and wait for more of it or for its end.",
		Set:         Default,
		Quiet:       []string{"worktree"},
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).RunOutput, RunOutputOut.text, RunOutputOut.next)
}

// RunOutputIn are the arguments of run_output.
type RunOutputIn struct {
	RunID       string   `json:"run_id"`
	Offset      int64    `json:"offset,omitempty" min:"0"`
	Limit       int      `json:"limit,omitempty" jsonschema:"bytes of text, default 7000" min:"200" max:"48000"`
	WaitSeconds *float64 `json:"wait_seconds,omitempty" jsonschema:"default 0" min:"0" max:"86400"`
}

// RunOutputOut is a part of a run's output.
type RunOutputOut struct {
	RunID           string        `json:"run_id"`
	Worktree        string        `json:"worktree"`
	Status          runner.Status `json:"status" jsonschema:"running, exited, timed_out or cancelled"`
	ExitCode        *int          `json:"exit_code,omitempty"`
	Output          string        `json:"output"`
	NextOffset      int64         `json:"next_offset" jsonschema:"where the next call goes on"`
	OutputBytes     int64         `json:"output_bytes" jsonschema:"produced so far"`
	SkippedBytes    int64         `json:"skipped_bytes,omitempty" jsonschema:"at the offset, which the log no longer has"`
	DurationSeconds float64       `json:"duration_seconds"`

	MainCheckoutChanges []string `json:"main_checkout_changes,omitempty" jsonschema:"files that changed in the main checkout while it went"`

	warning string
}

// RunOutput reads what a run wrote.
func (b *Board) RunOutput(ctx context.Context, in RunOutputIn) (out RunOutputOut, err error) {
	if err := runs.CheckID(in.RunID); err != nil {
		return out, err
	}
	r, err := b.Runs.Jobs.Get(in.RunID)
	if err != nil {
		return out, runs.Error(err)
	}
	if in.Limit == 0 {
		in.Limit = smallResult
	}
	if in.WaitSeconds != nil && !r.Over() {
		b.awaitOutput(ctx, r, in)
		if r, err = b.Runs.Jobs.Get(in.RunID); err != nil {
			return out, runs.Error(err)
		}
	}
	log, err := b.Runs.Jobs.Log(r)
	if err != nil {
		return out, err
	}
	page, err := log.Page(r.ID, in.Offset, in.Limit, r.Over())
	if err != nil {
		return out, err
	}
	return pageOut(r, page), nil
}

// awaitOutput waits until there is something to read at the offset, or the run
// is over.
func (b *Board) awaitOutput(ctx context.Context, r runner.Record, in RunOutputIn) {
	b.runner().Follow(ctx, r.ID, waitTime(in.WaitSeconds), func() bool {
		log, err := b.Runs.Jobs.Log(r)
		return err != nil || log.Size() > in.Offset
	})
}

func pageOut(r runner.Record, page runner.Excerpt) RunOutputOut {
	out := RunOutputOut{RunID: r.ID, Worktree: r.Worktree, Status: r.Status, Output: page.Text, NextOffset: page.Next,
		OutputBytes: page.Size, SkippedBytes: page.Skipped, DurationSeconds: r.Seconds(time.Now())}
	if r.Over() {
		out.ExitCode, out.OutputBytes = &r.ExitCode, r.OutputBytes
		out.MainCheckoutChanges, out.warning = r.MainChanges, runs.EscapeWarning(r)
	}
	return out
}

func (out RunOutputOut) text() string {
	text := runs.StatusLine(out.RunID, out.Status, out.ExitCode, out.DurationSeconds)
	if out.SkippedBytes > 0 {
		text += fmt.Sprintf("\n[%d bytes are not in the log any more]", out.SkippedBytes)
	}
	text = state.Lines(text, out.warning)
	if out.Output == "" {
		return text + fmt.Sprintf("\n(nothing at or after byte %d)", out.NextOffset)
	}
	text += "\n" + strings.TrimRight(out.Output, "\n")
	return text + fmt.Sprintf("\n[%d of %d bytes read]", out.NextOffset, out.OutputBytes)
}

// next goes on where this page ended.
func (out RunOutputOut) next() []Step {
	more := RunOutputIn{RunID: out.RunID, Offset: out.NextOffset}
	switch wait := 30.0; {
	case out.NextOffset < out.OutputBytes:
		return []Step{{"more", "run_output", more}}
	case out.ExitCode == nil:
		more.WaitSeconds = &wait
		return []Step{{"follow it", "run_output", more}}
	}
	return nil
}
