package tools

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/include"
	"wt-mcp/tools/runs"
)

// includeFile names, in the main checkout, what of the ignored files a worktree
// gets, as other tools read it too.
const includeFile = ".worktreeinclude"

// setupWait is how long worktree_create waits for the set-up.
const setupWait = 30 * time.Second

// readiness is what worktree_create did beside the checkout.
type readiness struct {
	Included *include.Result `json:"included,omitempty" jsonschema:"what .worktreeinclude had copied"`
	Setup    *runs.Setup     `json:"setup,omitempty"`
	Note     string          `json:"note,omitempty" jsonschema:"what a name with several meanings was taken for"`
}

func (r readiness) text() string {
	text := r.Note
	if i := r.Included; i != nil {
		text = state.Lines(text, fmt.Sprintf("copied by %s: %d files, %d bytes (%d skipped)", includeFile, i.Files, i.Bytes, i.Skipped))
		if !i.Complete() {
			text += "\nNOT COPIED: " + state.Visible(strings.Join(i.Errors, "; "))
		}
	}
	if s := r.Setup; s != nil {
		line := "setup: " + s.Status
		if s.ExitCode != nil {
			line += fmt.Sprintf(", exit code %d", *s.ExitCode)
		}
		if s.RunID != "" {
			line += ", run " + s.RunID
		}
		text = state.Lines(text, line, s.Next, s.Warning, strings.TrimRight(s.Output, "\n"))
	}
	return text
}

// include copies into a new worktree what it names of the main checkout; nil where
// there is nothing to copy.
func (b *Board) include(ctx context.Context, path string) *include.Result {
	paths, err := b.Git.IgnoredMatching(ctx, filepath.Join(b.Git.Root(), includeFile))
	if len(paths) == 0 && err == nil {
		return nil
	}
	began := time.Now()
	r := include.Copy(ctx, b.Git.Root(), path, paths, func(r include.Result) {
		if b.Progress != nil {
			b.Progress(time.Since(began).Seconds(), fmt.Sprintf("copied %d files, %d MB", r.Files, r.Bytes>>20))
		}
	})
	if err != nil {
		r.Errors = append(r.Errors, err.Error())
	}
	return &r
}
