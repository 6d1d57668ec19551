package tools

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

func worktreeCommit() Tool {
	return define(Tool{
		Name:  "worktree_commit",
		Title: "Commit in a worktree",
		Description: "Commit all that is open in the worktree (changed, new, deleted; not ignored), or paths alone, as the user's git: identity, signing, hooks. " +
			"A refused commit changes nothing.",
		Set:       Integrate,
		OpenWorld: true,
	}, (*Board).WorktreeCommit, WorktreeCommitOut.text, WorktreeCommitOut.next)
}

// WorktreeCommitIn are the arguments of worktree_commit.
type WorktreeCommitIn struct {
	Name    string      `json:"name"`
	Message string      `json:"message"`
	Paths   []string    `json:"paths,omitempty" jsonschema:"files or directories; default all"`
	Claim   state.Token `json:"claim,omitzero"`
}

// WorktreeCommitOut is what was committed.
type WorktreeCommitOut struct {
	Name    string   `json:"name"`
	Commit  string   `json:"commit" jsonschema:"HEAD where nothing was to commit"`
	Branch  string   `json:"branch" jsonschema:"empty where HEAD is detached"`
	Changed int      `json:"changed" jsonschema:"how many files; 0: there was nothing to commit"`
	Files   []string `json:"files" jsonschema:"some of them"`
	Hooks   []string `json:"hooks" jsonschema:"that git found and ran"`
	Warning string   `json:"warning,omitempty"`
	Output  string   `json:"output,omitempty" jsonschema:"what hooks said"`
	RunID   string   `json:"run_id,omitempty"`
}

// WorktreeCommit commits what is open in a worktree.
func (b *Board) WorktreeCommit(ctx context.Context, in WorktreeCommitIn) (out WorktreeCommitOut, err error) {
	at, err := b.current(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if err != nil {
		return out, b.gone(ctx, in.Name, at, err)
	}
	out, err = b.commitOpen(ctx, at, commitAsk{in.Message, in.Paths, in.Claim})
	if state.CodeOf(err) == state.Conflict {
		return out, err
	}
	return out, b.gone(ctx, in.Name, at, err)
}

// commitAsk says what is to be committed: Paths alone, or all that is open.
type commitAsk struct {
	Message string
	Paths   []string
	Claim   state.Token
}

// commitOpen commits what is open in a worktree that is present. It starts a run, so no
// operation on the worktree may be announced.
func (b *Board) commitOpen(ctx context.Context, at whereabouts, ask commitAsk) (out WorktreeCommitOut, err error) {
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
	out = WorktreeCommitOut{Name: w.Name, Commit: c.Commit, Branch: c.Branch, Files: []string{}, Hooks: []string{}, RunID: c.Out.RunID,
		Output: strings.TrimRight(c.Out.Output, "\n"), Warning: commitWarning(at, c)}
	if c.Commit == "" {
		out.Commit = c.Before
		return out, nil
	}
	out.Changed, out.Files = len(c.Files), someFiles(c.Files)
	out.Hooks = append(out.Hooks, c.Hooks...)
	return out, nil
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

func (out WorktreeCommitOut) text() string {
	text := fmt.Sprintf("nothing to commit in %s on %s: HEAD is %s", out.Name, orNone(state.Visible(out.Branch)), out.Commit)
	if out.RunID != "" {
		text = fmt.Sprintf("committed %s on %s: %d files: %s", out.Commit, orNone(state.Visible(out.Branch)), out.Changed, join(out.Files))
		text += fmt.Sprintf("\nhooks: %s (run %s)", cmp.Or(join(out.Hooks), "none"), out.RunID)
	}
	if out.Warning != "" {
		text += "\nwarning: " + out.Warning
	}
	return state.Lines(text, indent(out.Output))
}

func (out WorktreeCommitOut) next() []Step {
	return []Step{{"land it", "worktree_merge", laneStep{out.Name}}}
}

// laneStep is a call that names a worktree and nothing else.
type laneStep struct {
	Name string `json:"name"`
}
