package tools

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

// commitAsk says what is to be committed: Paths alone, or all that is open.
type commitAsk struct {
	Message string
	Paths   []string
	Claim   state.Token
}

// committed is what became of it.
type committed struct {
	runs.Commit
	warning string
}

// commitOpen commits what is open in a worktree that is present. It starts a run, so no
// operation on the worktree may be announced.
func (b *Board) commitOpen(ctx context.Context, at whereabouts, ask commitAsk) (out committed, err error) {
	w := at.Worktree
	if err := checkMessage(ask.Message); err != nil {
		return out, err
	}
	paths, err := commitPaths(w, ask.Paths)
	if err == nil {
		err = b.hold(ctx, w, ask.Claim)
	}
	if err != nil {
		return out, err
	}
	set, err := b.Config.Load()
	if err != nil {
		return out, &state.Error{Code: state.Corrupt, Message: err.Error(), Hint: "mend the configuration file; nothing was started"}
	}
	const shown = 1500
	c, err := b.runner().Commit(ctx, runs.Order{Worktree: w, Claim: ask.Claim, Timeout: set.DefaultTimeout, Settings: set, Budget: shown,
		Hold: func(ctx context.Context) error { return b.hold(ctx, w, ask.Claim) }}, ask.Message, paths)
	if err != nil {
		return out, err
	}
	b.lanesChanged()
	return committed{c, commitWarning(at, c)}, nil
}

func checkMessage(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return state.Invalid("message", "say in a line what was done", "is empty")
	case !utf8.ValidString(s):
		return state.Invalid("message", "", "is no valid UTF-8")
	}
	return checkText("message", s)
}

const maxPaths = 500

// commitPaths are the paths relative to the worktree, with slashes; none for all of it.
func commitPaths(w state.Worktree, given []string) ([]string, error) {
	if len(given) > maxPaths {
		return nil, state.Invalid("paths", "name directories", "are %d, the limit is %d", len(given), maxPaths)
	}
	return lanePaths(w, "paths", given)
}

// commitWarning says what is not as one may think.
func commitWarning(at whereabouts, c runs.Commit) string {
	var all []string
	if c.NoHooks != "" {
		all = append(all, fmt.Sprintf("hooks_missing: core.hooksPath is %s, which is not in this worktree, so no hook ran; make it as the repository does (for husky: npm install)", c.NoHooks))
	}
	if c.Commit != "" && c.Branch == "" {
		all = append(all, "HEAD is detached: no branch holds the commit; git switch -c NAME through worktree_run gives it one")
	}
	if c.Branch != "" && c.Branch != at.was.Branch {
		all = append(all, "it is on branch "+c.Branch+"; the board had "+orNone(at.was.Branch))
	}
	switch c.Operation {
	case "":
	case "merge", "cherry-pick", "revert":
		all = append(all, "a "+c.Operation+" was under way; a commit concludes it")
	default:
		all = append(all, "a "+c.Operation+" is under way: go on with git "+c.Operation+" --continue through worktree_run")
	}
	if len(c.Left) > 0 {
		all = append(all, fmt.Sprintf("not in the commit, %d: %s", len(c.Left), join(someFiles(c.Left))))
	}
	return state.Visible(strings.Join(all, "; "))
}
