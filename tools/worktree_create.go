package tools

import (
	"context"
	"slices"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

func worktreeCreate() Tool {
	return define(Tool{
		Name:  "worktree_create",
		Title: "Create a worktree",
		Description: "Make a directory of its own on branch wt/<name> to work in, bound to a task, with the files of .worktreeinclude, and set it up. " +
			"Work only inside the returned path.",
		Set: Default,
	}, (*Board).WorktreeCreate, WorktreeCreateOut.text)
}

// WorktreeCreateIn are the arguments of worktree_create.
type WorktreeCreateIn struct {
	Name    string      `json:"name" jsonschema:"1-40 of A-Z a-z 0-9 . _ -"`
	TaskID  int         `json:"task_id,omitempty" jsonschema:"bind this task and start it" min:"1"`
	BaseRef string      `json:"base_ref,omitempty" jsonschema:"commit, branch or tag to start from, default HEAD"`
	Branch  string      `json:"branch,omitempty" jsonschema:"check out this existing branch, or a remote's: origin/x is worked on as x"`
	Claim   state.Token `json:"claim,omitzero"`
}

// WorktreeCreateOut is the entry, and what makes the worktree ready to work in.
type WorktreeCreateOut struct {
	state.Worktree
	readiness
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (out WorktreeCreateOut) MarshalJSON() ([]byte, error) {
	return joined(out.Worktree, out.readiness)
}

func (out WorktreeCreateOut) text() string {
	return state.Lines(WorktreeLine(out.Worktree), out.readiness.text())
}

// WorktreeCreate makes a worktree and binds its task, or leaves nothing behind. What
// git ignores is copied before it counts as made, the set-up runs after that: where one
// of them fails, the worktree stays and the answer says so.
func (b *Board) WorktreeCreate(ctx context.Context, in WorktreeCreateIn) (out WorktreeCreateOut, err error) {
	ask, err := b.planCreate(in)
	if err != nil {
		return out, err
	}
	return b.create(ctx, ask)
}

func (b *Board) create(ctx context.Context, ask ops.Create) (out WorktreeCreateOut, err error) {
	if err := b.prime(ctx, ask.Worktree.TaskID != nil); err != nil {
		return out, err
	}
	note, against := b.resolve(ctx, &ask)
	ask.Against = against
	made, err := b.ops().Create(ctx, ask)
	if err != nil {
		return out, err
	}
	b.measure()
	out.Note = strings.Join(slices.DeleteFunc([]string{note, b.leftOff(ctx)}, func(s string) bool { return s == "" }), "; ")
	out.Worktree, out.Included = made.Worktree, made.Included
	out.Setup = b.runner().SetUp(ctx, out.Worktree, ask.Claim, setupWait)
	return out, nil
}

// planCreate checks the arguments that need no look at board or repository.
func (b *Board) planCreate(in WorktreeCreateIn) (ask ops.Create, err error) {
	if err := state.CheckName(in.Name); err != nil {
		return ask, err
	}
	ask = ops.Create{NewBranch: true, Claim: in.Claim, Worktree: state.Worktree{Name: in.Name, Path: b.worktreePath(in.Name),
		Branch: ops.BranchOf(in.Name), BaseRef: in.BaseRef}}
	if in.TaskID != 0 {
		ask.Worktree.TaskID = &in.TaskID
	} else if !in.Claim.IsZero() {
		return ask, claimWithoutTask()
	}
	if in.Branch != "" && in.BaseRef != "" {
		return ask, invalid("base_ref", "leave one of them out", "cannot go with branch, which says where it starts itself")
	}
	if in.Branch != "" {
		if err := git.CheckBranchName(in.Branch); err != nil {
			return ask, invalid("branch", "pass the name of an existing local branch", "%v", err)
		}
		ask.Worktree.Branch, ask.NewBranch = in.Branch, false
	} else if in.BaseRef == "" {
		ask.Worktree.BaseRef = "HEAD"
	}
	return ask, nil
}
