package runs

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
	"wt-mcp/tools/runner"
)

// Setup is what became of the configured set-up.
type Setup struct {
	Status   string `json:"status" jsonschema:"running, exited, timed_out, cancelled; not_approved or failed where nothing was started"`
	RunID    string `json:"run_id,omitempty"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Output   string `json:"output,omitempty"`
	Next     string `json:"next,omitempty" jsonschema:"what to do about it"`

	NextOffset int64 `json:"next_offset,omitempty" jsonschema:"of one that goes on: where run_output goes on"`

	MainCheckoutChanges []string `json:"main_checkout_changes,omitempty"`

	Warning string `json:"-"`
}

// SetUp runs what makes a worktree ready, and waits for its end for a while; nil
// where nothing is configured. The run outlives the call and this server.
func (r Runner) SetUp(ctx context.Context, w state.Worktree, claim state.Token, wait time.Duration) *Setup {
	return r.setUp(ctx, w, r.claiming(claim), wait)
}

// SetUpFound is SetUp of a worktree whose creation was finished for a dead process:
// nobody waits for it, and a claim whose lease is over stays so.
func (r Runner) SetUpFound(ctx context.Context, w state.Worktree) { r.setUp(ctx, w, r.keepIfLive, 0) }

func (r Runner) setUp(ctx context.Context, w state.Worktree, may admission, wait time.Duration) *Setup {
	set, err := r.Config.Load()
	if err != nil {
		return &Setup{Status: "failed", Next: "mend the configuration file: " + err.Error()}
	}
	waiting := ""
	if set.SetupWaits {
		waiting = fmt.Sprintf("the set-up in %s is not approved; the user runs, in %s: wt-mcp trust", config.RepositoryFile, r.Git.Root())
	}
	script := setupScript(w.Path, set)
	if script == "" {
		if waiting == "" {
			return nil
		}
		return &Setup{Status: "not_approved", Next: waiting}
	}
	out, err := r.runSetup(ctx, w, set, script, may, wait)
	if err != nil {
		return &Setup{Status: "failed", Next: strings.TrimSpace(state.Clip(state.Visible(err.Error()), 500) + " " + waiting)}
	}
	s := &Setup{Status: string(out.Status), RunID: out.RunID, ExitCode: out.ExitCode, Output: out.Output, Next: waiting,
		MainCheckoutChanges: out.MainCheckoutChanges, Warning: out.Warning}
	switch {
	case out.Status == runner.Running:
		s.NextOffset = out.NextOffset
	case out.Status != runner.Exited || *out.ExitCode != 0:
		s.Next = state.Lines("the worktree stays; mend the cause and run the command again with worktree_run", waiting)
	}
	return s
}

// runSetup runs the script in the background, so that it is not cut short with us.
func (r Runner) runSetup(ctx context.Context, w state.Worktree, set config.Settings, script string, may admission, wait time.Duration) (out Out, err error) {
	spec, err := r.spec(ctx, Order{Worktree: w, Command: script, Background: true, Settings: set})
	if err != nil {
		return out, err
	}
	queue, cancel := lasting(ctx)
	defer cancel()
	run, err := r.Jobs.Start(queue, spec, func() error { return nil })
	if err != nil {
		return out, Error(err)
	}
	if err := r.see(ctx, run.Record, may, wait); err != nil {
		return out, err
	}
	const shown = 2000
	return r.Read(spec.ID, shown)
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
