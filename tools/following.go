package tools

import (
	"wt-mcp/state"
	"wt-mcp/tools/runner"
	"wt-mcp/tools/runs"
)

// quietRun are keys of a run that the text says otherwise, or not at all.
func quietRun() []string {
	return []string{"output_bytes", "truncated", "next_offset", "log", "worktree"}
}

// follow is how to see the end of a run that goes on, or what was cut out of its output.
func follow(out runs.Out) []Step {
	switch {
	case out.Status == runner.Running:
		return []Step{{"follow it", "run_output", state.Fields{"run_id": out.RunID, "offset": out.NextOffset, "wait_seconds": 30}}}
	case out.Truncated:
		return []Step{{"read all of it", "run_output", state.Fields{"run_id": out.RunID}}}
	}
	return nil
}
