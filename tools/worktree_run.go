package tools

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runner"
)

func worktreeRun() Tool {
	return define(Tool{
		Name:  "worktree_run",
		Title: "Run a command in a worktree",
		Description: "Run a shell command in the worktree. Non-zero exit_code and status timed_out are results. " +
			"After wait_seconds it answers status running and the command goes on: run_output follows it, run_stop ends it. " +
			"What the shell leaves behind is ended; start servers with background. stdin is empty.",
		Set:         Default,
		Destructive: true,
		OpenWorld:   true,
	}, (*Board).WorktreeRun, RunOut.text)
}

// WorktreeRunIn are the arguments of worktree_run.
type WorktreeRunIn struct {
	Name           string            `json:"name"`
	Command        string            `json:"command" jsonschema:"for /bin/sh"`
	TimeoutSeconds float64           `json:"timeout_seconds,omitempty" jsonschema:"ends it; default 300" min:"0.001" max:"86400"`
	WaitSeconds    *float64          `json:"wait_seconds,omitempty" jsonschema:"default 50" min:"0" max:"86400"`
	Background     bool              `json:"background,omitempty" jsonschema:"answer at once; it outlives this server; no default timeout"`
	Env            map[string]string `json:"env,omitempty" jsonschema:"more environment variables"`
	ShowEnv        bool              `json:"show_env,omitempty" jsonschema:"name the variables it does not get"`
	Claim          state.Token       `json:"claim,omitzero"`
}

// RunOut is what became of a command, so far.
type RunOut struct {
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
	Containment     string        `json:"containment"`
	Cause           string        `json:"cause,omitempty" jsonschema:"why it was cancelled"`
	LeftRunning     []string      `json:"left_running,omitempty" jsonschema:"what the shell left running and was ended"`
	Survivors       []string      `json:"survivors,omitempty" jsonschema:"what could not be ended"`
	EnvDropped      []string      `json:"env_dropped,omitempty"`
	Notes           []string      `json:"notes,omitempty"`

	MainCheckoutChanges []string `json:"main_checkout_changes,omitempty" jsonschema:"files that changed in the main checkout while it went"`

	warning string
}

// WorktreeRun runs a command in a worktree, and waits for its end for a while.
func (b *Board) WorktreeRun(ctx context.Context, in WorktreeRunIn) (RunOut, error) {
	w, set, err := b.mayRun(ctx, in)
	if err != nil {
		return RunOut{}, err
	}
	spec, err := b.spec(ctx, in, w, set)
	if err != nil {
		return RunOut{}, err
	}
	wait := waitTime(in.WaitSeconds)
	began := time.Now()
	queue, cancel := context.WithTimeout(ctx, max(wait, time.Second))
	defer cancel()
	run, err := b.Jobs.Start(queue, spec, func() error { return b.hold(ctx, w, in.Claim) })
	if err != nil {
		return RunOut{}, runError(err)
	}
	if b.shared.runs.Add(1)%64 == 0 {
		b.SettleRuns()
	}
	started := b.tellStart(run.Record, b.claiming(in.Claim))
	if in.Background {
		wait = 0
	}
	b.follow(ctx, spec.ID, wait-time.Since(began), nil)
	if err := <-started; err != nil {
		return RunOut{}, b.endRefused(ctx, spec.ID, err)
	}
	if ctx.Err() != nil && !in.Background {
		ctx, cancel = lasting(ctx)
		defer cancel()
		if _, err := b.Jobs.Stop(ctx, spec.ID, "the call was cancelled"); err != nil {
			b.Log.Warn("end a cancelled run", "run", spec.ID, "error", err)
		}
	}
	out, err := b.runOut(spec.ID)
	out.Notes = append(out.Notes, set.Notes...)
	if !in.ShowEnv {
		out.EnvDropped = nil
	}
	return out, err
}

// mayRun holds a call against what is there and what is allowed.
func (b *Board) mayRun(ctx context.Context, in WorktreeRunIn) (w state.Worktree, set config.Settings, err error) {
	if strings.TrimSpace(in.Command) == "" {
		return w, set, invalid("command", "pass a shell command", "is empty")
	}
	for name, value := range in.Env {
		if err := checkEnv(name, value); err != nil {
			return w, set, err
		}
	}
	at, err := b.current(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if w = at.Worktree; err != nil {
		return w, set, err
	}
	if err = b.hold(ctx, w, in.Claim); err != nil {
		return w, set, err
	}
	if set, err = b.Config.Load(); err != nil {
		return w, set, &state.Error{Code: state.Corrupt, Message: err.Error(), Hint: "mend the configuration file; nothing was started"}
	}
	if limit := set.MaxTimeout.Seconds(); in.TimeoutSeconds > limit {
		return w, set, invalid("timeout_seconds", "ask the user to raise max_timeout_seconds in the configuration",
			"got %v, the configuration allows at most %v", in.TimeoutSeconds, limit)
	}
	return w, set, nil
}

// spec is the run that the call means.
func (b *Board) spec(ctx context.Context, in WorktreeRunIn, w state.Worktree, set config.Settings) (runner.Spec, error) {
	timeout := set.DefaultTimeout
	if in.Background {
		timeout = set.MaxTimeout
	}
	if in.TimeoutSeconds > 0 {
		timeout = time.Duration(in.TimeoutSeconds * float64(time.Second))
	}
	s := runner.Spec{ID: runner.NewID(time.Now()), Path: w.Path, Script: in.Command, Shell: set.Shell, Timeout: timeout,
		LogLimit: set.LogLimit, Background: in.Background, Worktree: w.Name, Actor: b.Actor, Root: b.State.Root()}
	if w.TaskID != nil {
		s.Task = *w.TaskID
	}
	ports, err := b.Jobs.PortBase(w.Name, func() ([]string, error) { return b.liveNames(ctx) })
	if err != nil {
		return s, runError(fmt.Errorf("find free ports: %w", err))
	}
	extra := runEnv(s, ports, in.Env)
	s.Env, s.Dropped = runner.Environment(allowedOf(b.Env, set.Deny), set.Allow, extra)
	for name := range extra {
		if runner.Named(name, set.Deny) {
			return s, invalid("env", "the configuration denies it", "%s cannot be set", name)
		}
	}
	return s, nil
}

// allowedOf leaves out what the configuration denies.
func allowedOf(env, deny []string) []string {
	var kept []string
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); !runner.Named(name, deny) {
			kept = append(kept, entry)
		}
	}
	return kept
}

func (b *Board) liveNames(ctx context.Context) (names []string, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		names = nil
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() {
				names = append(names, w.Name)
			}
		}
		return err
	})
	return names, err
}

// runEnv tells the command where it is.
func runEnv(s runner.Spec, ports int, extra map[string]string) map[string]string {
	env := map[string]string{}
	for name, value := range extra {
		env[name] = value
	}
	env["WT_MCP_WORKTREE"], env["WT_MCP_PORT_BASE"], env[runner.MarkVariable] = s.Worktree, fmt.Sprint(ports), s.ID
	if s.Task > 0 {
		env["WT_MCP_TASK"] = fmt.Sprint(s.Task)
	}
	return env
}

// maxVariable is how long a variable may be, with its name: more is not handed to a
// process on Linux.
const maxVariable = 128<<10 - 2

// checkEnv refuses what would not be a variable, or would turn git or the dynamic
// linker against the worktree.
func checkEnv(name, value string) error {
	upper := strings.ToUpper(name)
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return invalid("env", "use NAME", "%q is no name of a variable", state.Clip(name, 40))
	}
	if n := len(name) + len(value); n > maxVariable {
		return invalid("env", "put it into a file of the worktree", "%s has %d bytes, the limit is %d", state.Visible(state.Clip(name, 40)), n, maxVariable)
	}
	for _, prefix := range []string{"GIT_", "LD_", "DYLD_", "WT_MCP_"} {
		if strings.HasPrefix(upper, prefix) {
			return invalid("env", "set it inside the command if the command itself needs it", "%s cannot be set here", state.Clip(name, 40))
		}
	}
	return nil
}

const defaultWait = 50 * time.Second

func waitTime(seconds *float64) time.Duration {
	if seconds == nil {
		return defaultWait
	}
	return time.Duration(*seconds * float64(time.Second))
}
