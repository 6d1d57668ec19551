package desk

import (
	"encoding/json"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// inRepo makes the steps that lead on calls of the repository that the call named, if
// it named one.
func inRepo(steps []tools.Step, repo string) []tools.Step {
	if repo == "" {
		return steps
	}
	for i, step := range steps {
		if step.Tool != "" {
			steps[i].In = withRepo(step.In, repo)
		}
	}
	return steps
}

// withRepo is arguments with the repository behind them, in their own order.
func withRepo(in any, repo string) any {
	args, err := state.Encode(in)
	if err != nil || len(args) < 2 || args[0] != '{' {
		return in
	}
	name, err := state.Encode(state.Fields{repoArgument: repo})
	if err != nil || len(args) == len("{}") {
		return json.RawMessage(name)
	}
	return json.RawMessage(string(args[:len(args)-1]) + "," + string(name[1:]))
}
