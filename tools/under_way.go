package tools

import "wt-mcp/state"

// goOnWith is how to go on with an operation of git's that is under way, and how to take
// it back.
func goOnWith(operation, name string, conflicted bool) (steps []Step) {
	run := func(why, command string) Step {
		return Step{why, "worktree_run", state.Fields{"name": name, "command": command}}
	}
	if conflicted {
		steps = append(steps, run("when the conflicts are resolved", "git add -A"))
	}
	switch operation {
	case "":
		return append(steps, Step{"then commit", "worktree_commit", state.Fields{"name": name, "message": "…"}})
	case "merge":
		return append(steps, Step{"then commit", "worktree_commit", state.Fields{"name": name, "message": "…"}}, run("go back", "git merge --abort"))
	case "bisect":
		return append(steps, run("end it", "git bisect reset"))
	}
	return append(steps, run("then go on", "git "+operation+" --continue"), run("go back", "git "+operation+" --abort"))
}
