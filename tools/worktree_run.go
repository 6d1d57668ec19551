package tools

import (
	"context"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runs"
)

func worktreeRun() Tool {
	return define(Tool{
		Name:  "worktree_run",
		Title: "Run a command in a worktree",
		Description: "Run a shell command in the worktree. Non-zero exit_code and status timed_out are results. " +
			"After wait_seconds it answers status running and the command goes on: run_output follows it, run_stop ends it. " +
			"What the shell leaves behind is ended; start servers with background. stdin is empty.",
		Set:         Default,
		Core:        true,
		Quiet:       quietRun(),
		Destructive: true,
		OpenWorld:   true,
	}, (*Board).WorktreeRun, runs.Out.Text, follow)
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

// WorktreeRun runs a command in a worktree, and waits for its end for a while.
func (b *Board) WorktreeRun(ctx context.Context, in WorktreeRunIn) (runs.Out, error) {
	w, set, err := b.mayRun(ctx, in)
	if err != nil {
		return runs.Out{}, err
	}
	out, err := b.runner().Run(ctx, runs.Order{Worktree: w, Command: in.Command, Background: in.Background, Env: in.Env, Claim: in.Claim,
		Timeout: time.Duration(in.TimeoutSeconds * float64(time.Second)), Wait: waitTime(in.WaitSeconds), Settings: set, Budget: smallResult,
		Hold: func(ctx context.Context) error { return b.hold(ctx, w, in.Claim) }})
	out.Notes = append(out.Notes, set.Notes...)
	if !in.ShowEnv {
		out.EnvDropped = nil
	}
	return out, err
}

// mayRun holds a call against what is there and what is allowed.
func (b *Board) mayRun(ctx context.Context, in WorktreeRunIn) (w state.Worktree, set config.Settings, err error) {
	if strings.TrimSpace(in.Command) == "" {
		return w, set, state.Invalid("command", "pass a shell command", "is empty")
	}
	for name, value := range in.Env {
		if err := runs.CheckEnv(name, value); err != nil {
			return w, set, err
		}
	}
	at, err := b.current(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if w = at.Worktree; err != nil {
		return w, set, b.gone(ctx, in.Name, at, err)
	}
	if err = b.hold(ctx, w, in.Claim); err != nil {
		return w, set, err
	}
	if set, err = b.Config.Load(); err != nil {
		return w, set, &state.Error{Code: state.Corrupt, Message: err.Error(), Hint: "mend the configuration file; nothing was started"}
	}
	if limit := set.MaxTimeout.Seconds(); in.TimeoutSeconds > limit {
		return w, set, state.Invalid("timeout_seconds", "ask the user to raise max_timeout_seconds in the configuration",
			"got %v, the configuration allows at most %v", in.TimeoutSeconds, limit)
	}
	return w, set, nil
}
