package tools

import (
	"cmp"
	"context"

	"wt-mcp/state"
)

func worktreeMerge() Tool {
	return define(Tool{
		Name:  "worktree_merge",
		Title: "Land a worktree's commits",
		Description: "Land the commits of a worktree in the branch that it began from, also where that is checked out; one call can commit, land, complete the task and remove the worktree. " +
			"On conflict nothing changes. Nothing is pushed.",
		Set:         Integrate,
		Core:        true,
		Destructive: true,
		Quiet:       quietTask("task"),
	}, (*Board).WorktreeMerge, MergedWorktree.Text, MergedWorktree.next)
}

// WorktreeMergeIn are the arguments of worktree_merge.
type WorktreeMergeIn struct {
	Name         string      `json:"name"`
	Target       string      `json:"target,omitempty" jsonschema:"local branch, default the one that it began from"`
	Strategy     string      `json:"strategy,omitempty" jsonschema:"default merge" enum:"merge,squash,rebase,ff"`
	DryRun       bool        `json:"dry_run,omitempty" jsonschema:"tell what would happen; writes nothing"`
	Message      string      `json:"message,omitempty" jsonschema:"commit what is open first, with this; it also heads a squash"`
	CompleteTask bool        `json:"complete_task,omitempty" jsonschema:"also complete its task"`
	Remove       bool        `json:"remove,omitempty" jsonschema:"also remove the worktree"`
	WaitSeconds  *float64    `json:"wait_seconds,omitempty" jsonschema:"for the turn at the target, default 50" min:"0" max:"600"`
	Undo         string      `json:"undo,omitempty" jsonschema:"take this landing back by a new commit"`
	Claim        state.Token `json:"claim,omitzero"`
}

// WorktreeMerge lands a worktree's commits, or takes a landing back. What was asked for
// beside the landing follows it: each step stands by itself, and one that fails is told
// without making the landing an error.
func (b *Board) WorktreeMerge(ctx context.Context, in WorktreeMergeIn) (out MergedWorktree, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	w := wish{name: in.Name, target: in.Target, strategy: cmp.Or(in.Strategy, state.StrategyMerge), message: in.Message, undo: in.Undo,
		dry: in.DryRun, complete: in.CompleteTask, remove: in.Remove, wait: b.landingWait(in.WaitSeconds), claim: in.Claim}
	if g, err := b.findGoing(ctx, w); g != nil || err != nil {
		return b.attend(ctx, g, w.wait, err)
	}
	if in.Undo != "" {
		return b.undoLanding(ctx, w)
	}
	m, err := b.merging(ctx, w)
	if err != nil {
		return out, err
	}
	if in.DryRun {
		return m.out, m.forecast(ctx, m.ask())
	}
	if err := m.commitOpen(ctx); err != nil {
		return out, err
	}
	return b.goOn(ctx, m, func(ctx context.Context) error {
		defer m.came()
		err := m.land(ctx, m.ask(), m.words())
		if err == nil {
			m.tidy(ctx)
		}
		return err
	})
}

func (in WorktreeMergeIn) check() error {
	if err := checkText("message", in.Message); err != nil {
		return err
	}
	if in.Undo == "" {
		return nil
	}
	for _, other := range []struct {
		name string
		set  bool
	}{{"target", in.Target != ""}, {"strategy", in.Strategy != ""}, {"message", in.Message != ""}, {"complete_task", in.CompleteTask}, {"remove", in.Remove}} {
		if other.set {
			return state.Invalid(other.name, "leave it out", "cannot go with undo, which takes one landing back as it was")
		}
	}
	return nil
}
