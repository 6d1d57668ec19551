package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// syncPlan is a sync that has been computed.
type syncPlan struct {
	ops.Sync
	onto      string // as people name it
	commits   int
	conflicts *git.Conflicts // that are left to be resolved
}

func noCommits(w state.Worktree, there bool) error {
	if there {
		return nil
	}
	return state.Errorf(state.Conflict, "make a first commit there", "branch %s of worktree %s has no commit", w.Branch, w.Name)
}

// computeSync makes the commits, without touching the worktree.
func (b *Board) computeSync(ctx context.Context, p *syncPlan, base syncBase, strategy string) error {
	c := git.Chain{Target: base.commit, Lanes: []git.Lane{{Head: p.From, Strategy: git.StrategyRebase, Since: base.since}}}
	if strategy == string(git.StrategyMerge) {
		if ahead, err := b.Git.Contains(ctx, base.commit, p.From); err == nil && ahead {
			p.To = base.commit
			return nil
		}
		words := fmt.Sprintf("Merge %s into %s\n", base.name, p.Worktree.Branch)
		c = git.Chain{Target: p.From, Lanes: []git.Lane{{Head: base.commit, Strategy: git.StrategyMerge, Message: func([]git.Commit) string { return words }}}}
	}
	planned, err := b.Git.PlanChain(ctx, c)
	if err == nil {
		err = planned[0].Err
	}
	if err != nil {
		return err
	}
	p.To, p.commits = planned[0].Commit, len(planned[0].Commits)
	return nil
}

// syncBase is what a worktree is put onto.
type syncBase struct {
	name, commit string
	since        string // what this commit has is not of the worktree's own; "" for what is not known
	begins       string // what its work begins from then, where that is not commit
	back         bool   // an earlier sync is taken back
}

// syncBase finds it. Where the worktree was made from another one that has landed, be
// it by squash, it goes onto what that landed in, without the commits that landed.
func (b *Board) syncBase(ctx context.Context, w state.Worktree, head, onto string) (base syncBase, err error) {
	parent, err := b.targetOf(ctx, w)
	if err != nil && onto == "" {
		return base, state.Invalid("onto", `pass a branch, such as "main"`, "it is not on record what worktree %s was made from", w.Name)
	}
	if kept, ok, err := b.Git.KeptHead(ctx, onto); err == nil && ok {
		return syncBase{name: onto, commit: kept.From, since: kept.To, begins: kept.Base, back: true}, nil
	}
	landed, err := b.landingOf(ctx, parent)
	if err != nil {
		return base, err
	}
	base.name = cmp.Or(onto, parent)
	if tip, ok, err := b.Git.Branch(ctx, parent); onto == "" && landed.ID != "" && err == nil && (!ok || tip == landed.Head) {
		base.name = strings.TrimPrefix(landed.Target, "refs/heads/")
	}
	if base.commit, err = b.resolveOnto(ctx, base.name); err != nil {
		return base, err
	}
	if landed.ID != "" {
		if in, err := b.Git.Contains(ctx, base.commit, landed.After); err == nil && in {
			base.since = landed.Head
			return base, nil
		}
	}
	if w.BaseCommit != "" {
		if in, err := b.Git.Contains(ctx, head, w.BaseCommit); err == nil && in {
			base.since = w.BaseCommit
		}
	}
	return base, nil
}

func (b *Board) resolveOnto(ctx context.Context, name string) (string, error) {
	commit, err := b.Git.ResolveCommit(ctx, name)
	switch {
	case errors.Is(err, git.ErrUnknownRevision), errors.Is(err, git.ErrInvalidName), errors.Is(err, git.ErrAmbiguous):
		return "", state.Invalid("onto", "pass a branch or a commit", "%v", err)
	case err != nil:
		return "", ops.GitError("look up "+name, err)
	}
	return commit, nil
}

// planMarkers plans a merge that is left in the worktree, because what was asked for
// conflicts. A rebase is left as a merge as well: there is one state to resolve then, and
// the branch stays where it was. Where the merge does not conflict it is made.
func (b *Board) planMarkers(ctx context.Context, p *syncPlan, base syncBase) error {
	err := b.computeSync(ctx, p, base, string(git.StrategyMerge))
	if !errors.As(err, &p.conflicts) {
		return err
	}
	commit, entries, err := b.Git.KeepConflicts(ctx, p.conflicts, p.From, base.commit)
	p.To = commit
	p.Merge = &state.Merge{Theirs: base.commit, Entries: entries, Message: fmt.Sprintf("Merge %s into %s", base.name, p.Worktree.Branch)}
	return err
}

// openWork refuses to mix a merge that is left to be resolved with uncommitted work.
func openWork(w state.Worktree, status git.Status) error {
	files := someFiles(status.Changed())
	return state.Errorf(state.Dirty, fmt.Sprintf(`worktree_commit {"name":%q,"message":"…"}, then repeat the call`, w.Name),
		"worktree %s has uncommitted work, and the conflicts would be left among it: %s; nothing was changed", w.Name, state.Visible(state.Clip(strings.Join(files, ", "), 500))).
		With("files", files)
}
