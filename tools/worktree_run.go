package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/runner"
)

func worktreeRun() Tool {
	return define(Tool{
		Name:  "worktree_run",
		Title: "Run a command in a worktree",
		Description: "Run a shell command in the worktree's directory and wait for its end. " +
			"A non-zero exit_code or status timed_out is a result, not an error. stdin is empty; long output keeps head and tail.",
		Set:         Default,
		Destructive: true,
		OpenWorld:   true,
	}, (*Board).WorktreeRun, WorktreeRunOut.text)
}

// WorktreeRunIn are the arguments of worktree_run.
type WorktreeRunIn struct {
	Name           string            `json:"name"`
	Command        string            `json:"command" jsonschema:"for /bin/sh"`
	TimeoutSeconds float64           `json:"timeout_seconds,omitempty" jsonschema:"default 300" min:"0.001" max:"86400"`
	Env            map[string]string `json:"env,omitempty" jsonschema:"more environment variables"`
}

// WorktreeRunOut is what became of the command.
type WorktreeRunOut struct {
	Status          runner.Status `json:"status" jsonschema:"exited, timed_out or cancelled"`
	ExitCode        int           `json:"exit_code"`
	Output          string        `json:"output" jsonschema:"stdout and stderr in their order"`
	OutputBytes     int64         `json:"output_bytes"`
	Truncated       bool          `json:"truncated"`
	DurationSeconds float64       `json:"duration_seconds"`
}

// defaultTimeout is the original program's.
const defaultTimeout = 300 * time.Second

// WorktreeRun runs a command in a worktree.
func (b *Board) WorktreeRun(ctx context.Context, in WorktreeRunIn) (out WorktreeRunOut, err error) {
	if strings.TrimSpace(in.Command) == "" {
		return out, invalid("command", "pass a shell command", "is empty")
	}
	for name := range in.Env {
		if err := checkEnvName(name); err != nil {
			return out, err
		}
	}
	w, err := b.entry(ctx, in.Name)
	if err != nil {
		return out, err
	}
	if err := b.present(w); err != nil {
		return out, err
	}
	timeout := defaultTimeout
	if in.TimeoutSeconds > 0 {
		timeout = time.Duration(in.TimeoutSeconds * float64(time.Second))
	}
	r, err := runner.Run(ctx, runner.Command{Script: in.Command, Dir: w.Path, Timeout: timeout,
		Env: runner.Environment(b.Env, b.runEnv(w, in.Env)), OutputBudget: smallResult})
	return WorktreeRunOut{Status: r.Status, ExitCode: r.ExitCode, Output: r.Output, OutputBytes: r.OutputBytes,
		Truncated: r.Truncated, DurationSeconds: r.Duration.Seconds()}, runError(err)
}

// runEnv tells the command where it is.
func (b *Board) runEnv(w state.Worktree, extra map[string]string) map[string]string {
	env := map[string]string{"WT_MCP_WORKTREE": w.Name}
	if w.TaskID != nil {
		env["WT_MCP_TASK"] = fmt.Sprint(*w.TaskID)
	}
	for name, value := range extra {
		env[name] = value
	}
	return env
}

// checkEnvName refuses what would not be a variable, or would turn git or the
// dynamic linker against the worktree.
func checkEnvName(name string) error {
	upper := strings.ToUpper(name)
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return invalid("env", "use NAME", "%q is no name of a variable", state.Clip(name, 40))
	}
	for _, prefix := range []string{"GIT_", "LD_", "DYLD_", "WT_MCP_"} {
		if strings.HasPrefix(upper, prefix) {
			return invalid("env", "set it inside the command if the command itself needs it", "%s cannot be set here", name)
		}
	}
	return nil
}

func runError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, runner.ErrNUL), errors.Is(err, runner.ErrTooLong):
		return invalid("command", "put long scripts into a file of the worktree and run that", "%v", err)
	case errors.Is(err, runner.ErrNoDir):
		return state.Errorf(state.NotFound, "call worktree_list", "run command: %v", err)
	}
	return &state.Error{Code: state.Internal, Message: "run command", Err: err}
}

func (out WorktreeRunOut) text() string {
	head := fmt.Sprintf("%s, exit code %d, %.2f s", out.Status, out.ExitCode, out.DurationSeconds)
	if out.Truncated {
		head += fmt.Sprintf(", %d bytes of output cut to head and tail", out.OutputBytes)
	}
	if out.Output == "" {
		return head + "\n(no output)"
	}
	return head + "\n" + strings.TrimRight(out.Output, "\n")
}
