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

func worktreeSync() Tool {
	return define(Tool{
		Name:  "worktree_sync",
		Title: "Put a worktree onto its base",
		Description: "Rebase a worktree's branch onto its base branch's tip, or merge that in; uncommitted work in other files is carried. " +
			"On conflict or overlap nothing is changed. The old head is kept.",
		Set:   Integrate,
		Quiet: []string{"kept"},
	}, (*Board).WorktreeSync, WorktreeSyncOut.text, WorktreeSyncOut.next)
}

// WorktreeSyncIn are the arguments of worktree_sync.
type WorktreeSyncIn struct {
	Name     string      `json:"name"`
	Onto     string      `json:"onto,omitempty" jsonschema:"branch, commit, or ref that an earlier sync kept; default: the base branch"`
	Strategy string      `json:"strategy,omitempty" enum:"rebase,merge" jsonschema:"default rebase"`
	Claim    state.Token `json:"claim,omitzero"`
}

// WorktreeSyncOut is where the worktree is by now.
type WorktreeSyncOut struct {
	Name      string   `json:"name"`
	Onto      string   `json:"onto"`
	Head      string   `json:"head"`
	From      string   `json:"from" jsonschema:"the head before"`
	Commits   int      `json:"commits" jsonschema:"of the worktree, on top of onto"`
	Files     int      `json:"files" jsonschema:"how many changed"`
	Carried   int      `json:"carried" jsonschema:"files with uncommitted work, as they were"`
	Conflicts []string `json:"conflicts" jsonschema:"none: with any nothing is changed"`
	Kept      string   `json:"kept,omitempty" jsonschema:"ref of the head before"`
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
	out = WorktreeSyncOut{Name: at.Name, Onto: plan.onto, Head: plan.To, From: plan.From, Commits: plan.commits, Conflicts: []string{}}
	if plan.From == plan.To {
		return out, nil
	}
	done, err := b.ops().Sync(ctx, plan.Sync)
	if err != nil {
		return WorktreeSyncOut{}, err
	}
	out.Files, out.Carried, out.Kept = done.Files, len(status.Changed()), done.Kept
	return out, nil
}

// syncPlan is a sync that has been computed.
type syncPlan struct {
	ops.Sync
	onto    string // as people name it
	commits int
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
	return p, b.computeSync(ctx, &p, base, in.Strategy)
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
		return syncError(p.Worktree, base.name, err)
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

// landingOf is the last landing of a branch that was not taken back.
func (b *Board) landingOf(ctx context.Context, branch string) (last state.Landing, err error) {
	if branch == "" {
		return last, nil
	}
	err = b.State.View(ctx, func(v *state.View) error {
		all, err := v.Landings()
		for _, l := range all {
			if l.Branch == branch && l.Undone == "" && l.Undoes == "" {
				last = l
			}
		}
		return err
	})
	return last, err
}

// syncError says why a worktree does not go onto something.
func syncError(w state.Worktree, onto string, err error) error {
	var conflicts *git.Conflicts
	switch {
	case errors.As(err, &conflicts):
		return conflictError(w, onto, conflicts)
	case errors.Is(err, git.ErrIdentity):
		return state.Errorf(state.GitFailed, "git config user.name NAME; git config user.email ADDRESS", "git does not know who commits: %v; nothing was changed", err)
	case errors.Is(err, git.ErrUnrelated):
		return state.Errorf(state.Conflict, "pass another onto", "worktree %s and %s have no commit in common; nothing was changed", w.Name, onto)
	}
	return ops.GitError("sync worktree "+w.Name, err)
}

func conflictError(w state.Worktree, onto string, c *git.Conflicts) error {
	const most = 50
	files, words := []state.Fields{}, []string{}
	for _, f := range c.Files[:min(len(c.Files), most)] {
		one := state.Fields{"path": f.Path, "kind": f.Kind}
		word := f.Path + " (" + f.Kind + ")"
		if f.With != "" {
			one["with"] = f.With
			word = f.Path + " (" + f.Kind + " with " + f.With + ")"
		}
		files, words = append(files, one), append(words, word)
	}
	at := ""
	if c.Commit != nil {
		at = fmt.Sprintf(" at commit %s (%s)", c.Commit.ID, state.Visible(state.Clip(c.Commit.Subject(), 60)))
	}
	return state.Errorf(state.Conflict, fmt.Sprintf(`nothing was changed; to work on them: worktree_run {"name":%q,"command":"git merge %s"} (or git rebase), resolve, git add, then --continue; --abort goes back`, w.Name, onto),
		"%s and %s conflict%s in %s: %s", w.Name, state.Visible(onto), at, number(len(c.Files)+c.More, "file"), state.Visible(state.Clip(strings.Join(words, ", "), 500))).
		With("files", files).With("count", len(c.Files)+c.More)
}

func (out WorktreeSyncOut) text() string {
	if out.Head == out.From {
		return fmt.Sprintf("%s is on %s already: HEAD is %s; conflicts: none", state.Visible(out.Name), state.Visible(out.Onto), out.Head)
	}
	return fmt.Sprintf("%s is on %s: %d commits, %d files changed, %d with uncommitted work carried, conflicts: none\nhead %s, before %s, kept as %s",
		state.Visible(out.Name), state.Visible(out.Onto), out.Commits, out.Files, out.Carried, out.Head, out.From, out.Kept)
}

func (out WorktreeSyncOut) next() []Step {
	if out.Kept == "" {
		return []Step{{"land it", "worktree_merge", state.Fields{"name": out.Name}}}
	}
	return []Step{
		{"land it", "worktree_merge", state.Fields{"name": out.Name}},
		{"go back", "worktree_sync", state.Fields{"name": out.Name, "onto": out.Kept}},
	}
}
