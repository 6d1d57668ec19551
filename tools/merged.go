package tools

import (
	"fmt"

	"wt-mcp/state"
)

// MergedWorktree tells what became of the landing, and of what was to follow it.
type MergedWorktree struct {
	Landing       string      `json:"landing,omitempty" jsonschema:"its id, for undo"`
	Status        string      `json:"status" jsonschema:"landed, nothing, checking where it goes on, or would_land of a dry run"`
	Target        string      `json:"target"`
	Strategy      string      `json:"strategy"`
	Commit        string      `json:"commit,omitempty" jsonschema:"the target's tip with it"`
	Commits       int         `json:"commits,omitempty" jsonschema:"of the worktree that landed"`
	Files         int         `json:"files,omitempty" jsonschema:"that change in the target"`
	CheckoutMoved string      `json:"checkout_moved,omitempty" jsonschema:"checkout of the target that moved along"`
	Committed     string      `json:"committed,omitempty" jsonschema:"commit of what was open"`
	How           string      `json:"how,omitempty" jsonschema:"how the target has the work already"`
	Undoes        string      `json:"undoes,omitempty" jsonschema:"the landing that was taken back"`
	Task          *state.Task `json:"task,omitempty" jsonschema:"as it is now"`
	Removed       bool        `json:"removed,omitempty"`
	Snapshot      string      `json:"snapshot,omitempty" jsonschema:"of the removed worktree, for worktree_restore"`
	WhyKept       string      `json:"why_kept,omitempty" jsonschema:"why the worktree stays"`
	DryRun        bool        `json:"dry_run,omitempty"`
	Push          string      `json:"push,omitempty" jsonschema:"command that publishes the target; nothing was pushed"`
	PullRequest   string      `json:"pull_request,omitempty" jsonschema:"command for a pull request of the worktree's branch instead"`
	Check         string      `json:"check,omitempty" jsonschema:"how the user's checks went, or how far they are"`
	Notes         []string    `json:"notes,omitempty"`

	name string
	open []string // what is not committed, for a dry run

	again state.Fields // the arguments of the call that goes on waiting, or lands what a dry run told

	undone bool // the last landing of the lane was taken back, and its commits stay in the target
}

// Text is the landing in a few lines.
func (out MergedWorktree) Text() string {
	text := state.Lines(out.headline(), prefixed(out.moves(), out.CheckoutMoved), prefixed("what was open is committed as ", shortID(out.Committed)))
	if out.Task != nil {
		text = state.Lines(text, TaskLine(*out.Task))
	}
	if out.Removed {
		text = state.Lines(text, fmt.Sprintf("worktree %s is removed (snapshot %s)", out.name, out.Snapshot))
	}
	text = state.Lines(text, prefixed("the worktree stays: ", state.Visible(out.WhyKept)))
	if out.Status == statusLanded {
		text = state.Lines(text, prefixed("checks ", state.Visible(out.Check)))
	}
	for _, note := range out.Notes {
		text = state.Lines(text, state.Visible(note))
	}
	return state.Lines(text, prefixed("not pushed; to push: ", state.Visible(out.Push)), prefixed("or as a pull request: ", state.Visible(out.PullRequest)))
}

func (out MergedWorktree) moves() string {
	if out.DryRun {
		return "its files would move along in "
	}
	return "its files moved along in "
}

// headline says what became of the landing itself.
func (out MergedWorktree) headline() string {
	target := state.Visible(out.Target)
	what := fmt.Sprintf("%s of %s, %s", number(out.Commits, "commit"), out.name, number(out.Files, "file"))
	switch {
	case out.Status == statusChecking:
		return fmt.Sprintf("[checking] %s has not landed yet, it goes on: %s; the same call goes on waiting", out.name, state.Visible(out.Check))
	case out.Undoes != "" && out.Status == statusNothing:
		return fmt.Sprintf("[nothing] landing %s in %s is taken back already: %s", out.Undoes, target, out.How)
	case out.Undoes != "" && out.Status == statusWouldLand:
		return fmt.Sprintf("[would_land] dry run: landing %s of %s would be taken back in %s, %s (%s)", out.Undoes, out.name, target, number(out.Files, "file"), out.Strategy)
	case out.Undoes != "":
		return fmt.Sprintf("[%s] landing %s of %s is taken back in %s: %s, %s (landing %s, %s)", out.Status, out.Undoes, out.name, target, shortID(out.Commit), number(out.Files, "file"), out.Landing, out.Strategy)
	case out.Status == statusNothing:
		return fmt.Sprintf("[nothing] %s has the work of %s already: %s (%s, %s)", target, out.name, howWords(out.How), out.How, out.Strategy)
	case out.Status == statusWouldLand:
		return fmt.Sprintf("[would_land] dry run: %s would land in %s by %s, without conflict", what, target, out.Strategy)
	}
	return fmt.Sprintf("[landed] %s landed in %s by %s: %s (landing %s)", what, target, out.Strategy, shortID(out.Commit), out.Landing)
}

// howWords says how a target has the work of a lane.
func howWords(how string) string {
	switch how {
	case "same":
		return "both are at the same commit"
	case "ancestor":
		return "its commits are in the history there"
	case "no-difference":
		return "it changes nothing"
	case "equal-tree":
		return "the files are the same"
	case "nothing-to-merge":
		return "merging it changes nothing"
	}
	return "other commits there have its changes"
}

func (out MergedWorktree) next() []Step {
	switch {
	case out.Status == statusChecking:
		return []Step{{"wait for it", "worktree_merge", out.again}}
	case out.Status == statusWouldLand && out.Undoes != "":
		return []Step{{"take it back", "worktree_merge", state.Fields{"name": out.name, "undo": out.Undoes}}}
	case out.Status == statusWouldLand:
		return []Step{{"land it", "worktree_merge", out.again}}
	case out.Status == statusNothing && out.undone && out.Strategy != state.StrategySquash:
		return []Step{{"land it again", "worktree_merge", state.Fields{"name": out.name, "target": out.Target, "strategy": state.StrategySquash}}}
	case out.Status == statusNothing && out.Undoes == "" && !out.Removed && out.WhyKept == "":
		return []Step{{"when done with it", "worktree_remove", state.Fields{"name": out.name}}}
	case out.Landing != "":
		steps := []Step{{"undo", "worktree_merge", state.Fields{"name": out.name, "undo": out.Landing}}}
		if !out.Removed && out.Undoes == "" && out.WhyKept == "" {
			steps = append(steps, Step{"when done with it", "worktree_remove", state.Fields{"name": out.name}})
		}
		return steps
	}
	return nil
}
