package tools

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
)

func worktreeCommit() Tool {
	return define(Tool{
		Name:  "worktree_commit",
		Title: "Commit in a worktree",
		Description: "Commit all that is open in the worktree (changed, new, deleted; not ignored), or paths alone, as the user's git: identity, signing, hooks. " +
			"A refused commit changes nothing.",
		Set:       Integrate,
		Core:      true,
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
	c, err := b.commitOpen(ctx, at, commitAsk{in.Message, in.Paths, in.Claim})
	switch {
	case state.CodeOf(err) == state.Conflict:
		return out, err
	case err != nil:
		return out, b.gone(ctx, in.Name, at, err)
	}
	out = WorktreeCommitOut{Name: at.Name, Commit: cmp.Or(c.Commit.Commit, c.Before), Branch: c.Branch, Files: []string{}, Hooks: []string{}, RunID: c.Out.RunID,
		Output: strings.TrimRight(c.Out.Output, "\n"), Warning: c.warning}
	if c.Commit.Commit != "" {
		out.Changed, out.Files = len(c.Files), someFiles(c.Files)
		out.Hooks = append(out.Hooks, c.Hooks...)
	}
	return out, nil
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
