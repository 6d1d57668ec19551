package tools

import (
	"context"

	"wt-mcp/state"
)

func worktreeCreate() Tool {
	return define(Tool{
		Name:  "worktree_create",
		Title: "Create a worktree",
		Description: "Make a directory of its own on branch wt/<name> to work in, bound to a task, with the files of .worktreeinclude, and set it up. " +
			"Work only inside the returned path.",
		Set:   Default,
		Quiet: quietReady(),
	}, (*Board).WorktreeCreate, ReadyWorktree.text, ReadyWorktree.next)
}

// WorktreeCreateIn are the arguments of worktree_create.
type WorktreeCreateIn struct {
	Name    string      `json:"name" jsonschema:"1-40 of A-Z a-z 0-9 . _ -"`
	TaskID  int         `json:"task_id,omitempty" jsonschema:"bind this task and start it" min:"1"`
	BaseRef string      `json:"base_ref,omitempty" jsonschema:"commit, branch or tag to start from, default HEAD"`
	Branch  string      `json:"branch,omitempty" jsonschema:"check out this existing branch, or a remote's: origin/x is worked on as x"`
	Claim   state.Token `json:"claim,omitzero"`
}

// WorktreeCreate makes a worktree and binds its task, or leaves nothing behind.
func (b *Board) WorktreeCreate(ctx context.Context, in WorktreeCreateIn) (ReadyWorktree, error) {
	return b.make(ctx, newWorktree{name: in.Name, branch: in.Branch, baseRef: in.BaseRef, task: in.TaskID, claim: in.Claim})
}
