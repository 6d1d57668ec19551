package runs

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runner"
)

// spec is the run that an order means.
func (r Runner) spec(ctx context.Context, o Order) (runner.Spec, error) {
	w, set := o.Worktree, o.Settings
	timeout := set.DefaultTimeout
	if o.Background {
		timeout = set.MaxTimeout
	}
	s := runner.Spec{ID: cmp.Or(o.ID, runner.NewID(time.Now())), Path: w.Path, Script: o.Command, Shell: set.Shell, Timeout: cmp.Or(o.Timeout, timeout),
		LogLimit: set.LogLimit, Background: o.Background, Worktree: w.Name, Actor: r.Rules.Actor, Root: r.State.Root()}
	if w.TaskID != nil {
		s.Task = *w.TaskID
	}
	ports, err := r.Jobs.PortBase(w.Name, func() ([]string, error) { return state.LiveNames(ctx, r.State) })
	if err != nil {
		return s, Error(fmt.Errorf("find free ports: %w", err))
	}
	extra := runEnv(s, ports, o.Env)
	s.Env, s.Dropped = Environment(r.Env, set, extra)
	s.Env = append(s.Env, o.Own...)
	for name := range extra {
		if runner.Named(name, set.Deny) {
			return s, state.Invalid("env", "the configuration denies it", "%s cannot be set", name)
		}
	}
	return s, nil
}

// Environment is what a command gets of ours by the settings, with extra over it, and
// the names of what it does not get.
func Environment(base []string, set config.Settings, extra map[string]string) (env, dropped []string) {
	return runner.Environment(allowedOf(base, set.Deny), set.Allow, extra)
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

// CheckEnv refuses what would not be a variable, or would turn git or the dynamic
// linker against the worktree.
func CheckEnv(name, value string) error {
	upper := strings.ToUpper(name)
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return state.Invalid("env", "use NAME", "%q is no name of a variable", state.Clip(name, 40))
	}
	if n := len(name) + len(value); n > maxVariable {
		return state.Invalid("env", "put it into a file of the worktree", "%s has %d bytes, the limit is %d", state.Visible(state.Clip(name, 40)), n, maxVariable)
	}
	for _, prefix := range []string{"GIT_", "LD_", "DYLD_", "WT_MCP_"} {
		if strings.HasPrefix(upper, prefix) {
			return state.Invalid("env", "set it inside the command if the command itself needs it", "%s cannot be set here", state.Clip(name, 40))
		}
	}
	return nil
}
