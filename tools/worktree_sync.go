package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

func worktreeSync() Tool {
	return define(Tool{
		Name:  "worktree_sync",
		Title: "Put a worktree onto its base",
		Description: "Rebase a worktree's branch onto its base branch's tip, or merge that in; uncommitted work in other files is carried. " +
			"On conflict nothing is changed, unless on_conflict is markers; on overlap neither. The old head is kept.",
		Set:   Integrate,
		Quiet: []string{"kept"},
	}, (*Board).WorktreeSync, WorktreeSyncOut.text, WorktreeSyncOut.next)
}

// WorktreeSyncIn are the arguments of worktree_sync.
type WorktreeSyncIn struct {
	Name       string      `json:"name"`
	Onto       string      `json:"onto,omitempty" jsonschema:"branch, commit, or ref that an earlier sync kept; default: the base branch"`
	Strategy   string      `json:"strategy,omitempty" enum:"rebase,merge" jsonschema:"default rebase"`
	OnConflict string      `json:"on_conflict,omitempty" enum:"refuse,markers" jsonschema:"default refuse; markers: leave a merge in the worktree, with the conflicts to resolve"`
	Claim      state.Token `json:"claim,omitzero"`
}

// WorktreeSyncOut is where the worktree is by now.
type WorktreeSyncOut struct {
	Name      string         `json:"name"`
	Onto      string         `json:"onto"`
	Head      string         `json:"head"`
	From      string         `json:"from" jsonschema:"the head before"`
	Commits   int            `json:"commits" jsonschema:"of the worktree, on top of onto"`
	Files     int            `json:"files" jsonschema:"how many changed"`
	Carried   int            `json:"carried" jsonschema:"files with uncommitted work, as they were"`
	Conflicts []ops.Conflict `json:"conflicts" jsonschema:"left in the worktree to be resolved, with on_conflict markers"`
	Kept      string         `json:"kept,omitempty" jsonschema:"ref of the head before"`

	words string // of the conflicts
}

// WorktreeSync puts a worktree onto its base or another commit. What that becomes is
// computed first; then branch, files and index move in one step.
func (b *Board) WorktreeSync(ctx context.Context, in WorktreeSyncIn) (out WorktreeSyncOut, err error) {
	at, err := b.current(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if err != nil {
		return out, b.gone(ctx, in.Name, at, err)
	}
	if at.kind == isDetached {
		return out, state.Errorf(state.Conflict, "git switch to a branch through worktree_run, then repeat the call", "HEAD of worktree %s is detached; nothing was changed", at.Name)
	}
	if err := b.hold(ctx, at.Worktree, in.Claim); err != nil {
		return out, err
	}
	plan, err := b.planSync(ctx, at.Worktree, in)
	if err != nil {
		return out, err
	}
	status, err := b.Git.Status(ctx, at.Path)
	if err != nil {
		return out, ops.GitError("read the status of "+at.Name, err)
	}
	out = WorktreeSyncOut{Name: at.Name, Onto: plan.onto, Head: plan.To, From: plan.From, Commits: plan.commits, Conflicts: []ops.Conflict{}}
	if plan.From == plan.To {
		return out, nil
	}
	if plan.conflicts != nil {
		if !status.Clean() {
			return out, openWork(at.Worktree, status)
		}
		out.Head = plan.From
		out.Conflicts, out.words = ops.ConflictsOf(plan.conflicts)
	}
	done, err := b.ops().Sync(ctx, plan.Sync)
	if err != nil {
		return WorktreeSyncOut{}, err
	}
	out.Files, out.Carried, out.Kept = done.Files, len(status.Changed()), done.Kept
	return out, nil
}

// planSync computes what the worktree's branch becomes.
func (b *Board) planSync(ctx context.Context, w state.Worktree, in WorktreeSyncIn) (p syncPlan, err error) {
	head, ok, err := b.Git.Branch(ctx, w.Branch)
	if err != nil || !ok {
		return p, errors.Join(ops.GitError("look up branch "+w.Branch, err), noCommits(w, ok))
	}
	p.Sync = ops.Sync{Worktree: w, From: head, To: head, Claim: in.Claim}
	base, err := b.syncBase(ctx, w, head, in.Onto)
	if err != nil {
		return p, err
	}
	p.onto, p.Base = base.name, cmp.Or(base.begins, base.commit)
	there, err := b.Git.Contains(ctx, head, base.commit)
	switch {
	case err != nil:
		return p, ops.GitError("compare with "+base.name, err)
	case base.back && head == base.since:
		p.To = base.commit
		return p, nil
	case there:
		return p, nil
	}
	err = b.computeSync(ctx, &p, base, in.Strategy)
	if conflicts := (*git.Conflicts)(nil); errors.As(err, &conflicts) && in.OnConflict == "markers" {
		err = b.planMarkers(ctx, &p, base)
	}
	return p, ops.SyncError(w, base.name, err)
}

func (out WorktreeSyncOut) text() string {
	if len(out.Conflicts) > 0 {
		return fmt.Sprintf("a merge of %s is under way in %s, with conflicts in %s\nhead %s, kept as %s; every other change is staged",
			state.Visible(out.Onto), state.Visible(out.Name), out.words, out.Head, out.Kept)
	}
	if out.Head == out.From {
		return fmt.Sprintf("%s is on %s already: HEAD is %s; conflicts: none", state.Visible(out.Name), state.Visible(out.Onto), out.Head)
	}
	return fmt.Sprintf("%s is on %s: %d commits, %d files changed, %d with uncommitted work carried, conflicts: none\nhead %s, before %s, kept as %s",
		state.Visible(out.Name), state.Visible(out.Onto), out.Commits, out.Files, out.Carried, out.Head, out.From, out.Kept)
}

func (out WorktreeSyncOut) next() []Step {
	if len(out.Conflicts) > 0 {
		return goOnWith("merge", out.Name, true)
	}
	if out.Kept == "" {
		return []Step{{"land it", "worktree_merge", state.Fields{"name": out.Name}}}
	}
	return []Step{
		{"land it", "worktree_merge", state.Fields{"name": out.Name}},
		{"go back", "worktree_sync", state.Fields{"name": out.Name, "onto": out.Kept}},
	}
}
