package tools

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// recordTarget notes the branch that a new worktree's base means, which its work is to
// land in: HEAD is the branch that the main checkout has now, whatever it has later. A
// tag or a commit means none.
func (b *Board) recordTarget(ctx context.Context, w *state.Worktree, m git.Meaning) error {
	var err error
	switch ref := m.Ref; {
	case atHead.MatchString(ref):
		_, w.Target, err = b.Git.MainHead(ctx)
	case strings.HasPrefix(ref, "refs/heads/"):
		w.Target = strings.TrimPrefix(ref, "refs/heads/")
	case strings.HasPrefix(ref, "refs/remotes/"):
		var branch string
		var ok bool
		if branch, _, ok, err = b.Git.RemoteBranch(ctx, strings.TrimPrefix(ref, "refs/remotes/")); err == nil && ok {
			if _, there, e := b.Git.Branch(ctx, branch); there {
				w.Target, err = branch, e
			}
		}
	}
	if w.Target == w.Branch {
		w.Target = ""
	}
	return err
}

// atHead is a revision that begins at HEAD.
var atHead = regexp.MustCompile(`^(HEAD|@)([~^@:{]|$)`)

// targetOf is the branch that the work of a worktree is to land in: the one that was
// recorded when it was made. An entry of an earlier version has the name of its base;
// where that says nothing, such as HEAD, it is the one branch outside of the board that
// has the commit at which the worktree began. What the main checkout has now has no say.
func (b *Board) targetOf(ctx context.Context, w state.Worktree) (string, error) {
	if w.Target != "" {
		return w.Target, nil
	}
	if base := strings.TrimPrefix(strings.TrimPrefix(w.BaseRef, "refs/"), "heads/"); base != "" && base != w.Branch && git.CheckBranchName(base) == nil {
		if _, ok, err := b.Git.Branch(ctx, base); err != nil || ok {
			return base, ops.GitError("look up branch "+base, err)
		}
	}
	found, err := b.targetsFor(ctx, w)
	if len(found) == 1 || err != nil {
		return strings.Join(found, ""), err
	}
	e := state.Errorf(state.InvalidArgument, fmt.Sprintf(`repeat the call with target, such as worktree_merge {"name":%q,"target":"main"}`, w.Name),
		"target: it is not on record which branch the work of worktree %s is to land in", w.Name).With("argument", "target")
	return "", offer(e, w, found)
}

// targetsFor are the branches outside of the board that have the commit at which a
// worktree began.
func (b *Board) targetsFor(ctx context.Context, w state.Worktree) ([]string, error) {
	if w.BaseCommit == "" {
		return nil, nil
	}
	all, err := b.Git.BranchesWith(ctx, w.BaseCommit)
	if err != nil {
		return nil, ops.GitError("look for the target of worktree "+w.Name, err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == w.Branch || strings.HasPrefix(name, ops.BranchOf("")) }), nil
}

// offer names the branches that may be meant in an error about a target.
func offer(e *state.Error, w state.Worktree, found []string) error {
	if len(found) > 0 {
		shown := found[:min(len(found), 10)]
		e.Hint = fmt.Sprintf(`repeat the call with the one that is meant: worktree_merge {"name":%q,"target":%q}`, w.Name, shown[0])
		e.Message += "; these have the commit at which it began: " + state.Visible(join(shown))
		return e.With("branches", shown)
	}
	return e
}

// findTarget finds the branch to land in, with the words of why a name is none.
func (b *Board) findTarget(ctx context.Context, w state.Worktree, name string) (git.Target, error) {
	recorded := name == ""
	if recorded {
		var err error
		if name, err = b.targetOf(ctx, w); err == nil {
			name, err = b.beneath(ctx, name)
		}
		if err != nil {
			return git.Target{}, err
		}
	}
	t, err := b.shared.targets.get(ctx, name, func(ctx context.Context) (git.Target, error) { return b.Git.FindTarget(ctx, name) })
	if recorded && errors.Is(err, git.ErrNoBranch) {
		found, err := b.targetsFor(ctx, w)
		if err != nil {
			return t, err
		}
		e := state.Errorf(state.NotFound, fmt.Sprintf(`pass a local branch as target: worktree_merge {"name":%q,"target":…}`, w.Name),
			"target: branch %s, in which worktree %s was to land, is gone", state.Visible(name), w.Name).With("argument", "target")
		return t, offer(e, w, found)
	}
	return t, targetError(w, name, recorded, err)
}

func targetError(w state.Worktree, name string, recorded bool, err error) error {
	shown := state.Visible(state.Clip(name, 100))
	hint := fmt.Sprintf(`pass a local branch, such as worktree_merge {"name":%q,"target":"main"}`, w.Name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, git.ErrNotBranch):
		var refused *git.Refused
		what := "something else"
		if errors.As(err, &refused) && len(refused.What) > 0 {
			what = state.Visible(refused.What[0])
		}
		return state.Invalid("target", hint, "%s is no local branch but %s; work lands in local branches only", shown, what)
	case errors.Is(err, git.ErrNoCommits):
		return state.Errorf(state.Conflict, "make a first commit there, then repeat the call", "target: branch %s has no commit yet", shown).With("argument", "target")
	case errors.Is(err, git.ErrNoBranch) && recorded:
		return state.Errorf(state.NotFound, hint, "target: branch %s, in which worktree %s was to land, is gone", shown, w.Name).With("argument", "target")
	case errors.Is(err, git.ErrNoBranch), errors.Is(err, git.ErrInvalidName):
		return state.Errorf(state.NotFound, hint, "target: there is no local branch %s", shown).With("argument", "target")
	}
	return ops.GitError("look up target "+shown, err)
}
