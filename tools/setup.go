package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/include"
	"wt-mcp/tools/runner"
)

// includeFile names, in the main checkout, what of the ignored files a worktree
// gets, as other tools read it too.
const includeFile = ".worktreeinclude"

// setupWait is how long worktree_create waits for the set-up.
const setupWait = 30 * time.Second

// readiness is what worktree_create did beside the checkout.
type readiness struct {
	Included *include.Result `json:"included,omitempty" jsonschema:"what .worktreeinclude had copied"`
	Setup    *Setup          `json:"setup,omitempty"`
	Note     string          `json:"note,omitempty" jsonschema:"what a name with several meanings was taken for"`
}

// Setup is what became of the configured set-up.
type Setup struct {
	Status   string `json:"status" jsonschema:"running, exited, timed_out, cancelled; not_approved or failed where nothing was started"`
	RunID    string `json:"run_id,omitempty"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Output   string `json:"output,omitempty"`
	Next     string `json:"next,omitempty" jsonschema:"what to do about it"`

	MainCheckoutChanges []string `json:"main_checkout_changes,omitempty"`

	warning string
}

func (r readiness) text() string {
	text := r.Note
	if i := r.Included; i != nil {
		text = lines(text, fmt.Sprintf("copied by %s: %d files, %d bytes (%d skipped)", includeFile, i.Files, i.Bytes, i.Skipped))
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
		text = lines(text, line, s.Next, s.warning, strings.TrimRight(s.Output, "\n"))
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

// setUp runs what makes a worktree ready, and waits for its end for a while; nil
// where nothing is configured. The run outlives the call and this server.
func (b *Board) setUp(ctx context.Context, w state.Worktree, may admission, wait time.Duration) *Setup {
	set, err := b.Config.Load()
	if err != nil {
		return &Setup{Status: "failed", Next: "mend the configuration file: " + err.Error()}
	}
	waiting := ""
	if set.SetupWaits {
		waiting = fmt.Sprintf("the set-up in %s is not approved; the user runs, in %s: wt-mcp trust", config.RepositoryFile, b.Git.Root())
	}
	script := setupScript(w.Path, set)
	if script == "" {
		if waiting == "" {
			return nil
		}
		return &Setup{Status: "not_approved", Next: waiting}
	}
	out, err := b.runSetup(ctx, w, set, script, may, wait)
	if err != nil {
		return &Setup{Status: "failed", Next: strings.TrimSpace(state.Clip(state.Visible(err.Error()), 500) + " " + waiting)}
	}
	s := &Setup{Status: string(out.Status), RunID: out.RunID, ExitCode: out.ExitCode, Output: out.Output, Next: waiting,
		MainCheckoutChanges: out.MainCheckoutChanges, warning: out.warning}
	switch {
	case out.Status == runner.Running:
		s.Next = lines(fmt.Sprintf("wait for it: run_output {\"run_id\":%q,\"offset\":%d,\"wait_seconds\":50}", out.RunID, out.NextOffset), waiting)
	case out.Status != runner.Exited || *out.ExitCode != 0:
		s.Next = lines("the worktree stays; mend the cause and run the command again with worktree_run", waiting)
	}
	return s
}

// runSetup runs the script in the background, so that it is not cut short with us.
func (b *Board) runSetup(ctx context.Context, w state.Worktree, set config.Settings, script string, may admission, wait time.Duration) (out RunOut, err error) {
	spec, err := b.spec(ctx, WorktreeRunIn{Name: w.Name, Command: script, Background: true}, w, set)
	if err != nil {
		return out, err
	}
	queue, cancel := lasting(ctx)
	defer cancel()
	run, err := b.Jobs.Start(queue, spec, func() error { return nil })
	if err != nil {
		return out, runError(err)
	}
	started := b.tellStart(run.Record, may)
	b.follow(ctx, spec.ID, wait, nil)
	if err := <-started; err != nil {
		return out, b.endRefused(ctx, spec.ID, err)
	}
	out, err = b.runOut(spec.ID)
	const shown = 2000
	if log, e := b.Jobs.Log(run.Record); e == nil {
		if brief, e := log.Brief(spec.ID, shown); e == nil {
			out.Output = brief.Text
		}
	}
	return out, err
}

// setupScript joins the commands: each begins in the top directory, and none
// follows one that failed.
func setupScript(path string, set config.Settings) string {
	var commands []string
	if _, err := os.Lstat(filepath.Join(path, ".gitmodules")); err == nil && set.Submodules {
		commands = append(commands, "git submodule update --init --recursive")
	}
	commands = append(commands, set.Setup...)
	switch {
	case len(commands) < 2:
		return strings.Join(commands, "")
	case runtime.GOOS == "windows":
		return "(" + strings.Join(commands, ") && (") + ")"
	}
	return "(\n" + strings.Join(commands, "\n)\ncode=$?; [ $code = 0 ] || exit $code\n(\n") + "\n)"
}
