package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// resolve finds the commit to start from. Only its object id reaches git again. The
// note says how a name was understood that has several meanings.
func (b *Board) resolve(ctx context.Context, ask *ops.Create) (note string, err error) {
	w := &ask.Worktree
	if ask.NewBranch {
		m, err := b.Git.Resolve(ctx, w.BaseRef)
		w.BaseCommit = m.Commit
		if err == nil {
			err = b.recordTarget(ctx, w, m)
		}
		return understood(w.BaseRef, m), baseError(w.BaseRef, err)
	}
	name := w.Branch
	m, err := b.Git.FindBranch(ctx, name)
	if errors.Is(err, git.ErrNoBranch) {
		return "", b.noBranch(ctx, name)
	}
	if err != nil {
		return "", branchError(name, err)
	}
	if remote, ok := strings.CutPrefix(m.Ref, "refs/remotes/"); ok {
		return "", b.resolveRemote(ctx, remote, ask)
	}
	w.Branch, w.BaseCommit = strings.TrimPrefix(m.Ref, "refs/heads/"), m.Commit
	return understood(name, m), nil
}

// branchError says why a name is no branch to check out.
func branchError(name string, err error) error {
	if errors.Is(err, git.ErrAmbiguous) {
		return ambiguous("branch", name, err)
	}
	return ops.GitError("look up branch "+name, err)
}

// noBranch says that there is no such branch, and which remotes have one of the name:
// that is taken with the remote's name before it.
func (b *Board) noBranch(ctx context.Context, name string) error {
	remote, err := b.Git.RemotesOf(ctx, name)
	if err != nil {
		return branchError(name, err)
	}
	if len(remote) == 0 {
		return state.Errorf(state.NotFound, "leave branch out to make a new one, or git fetch first", "there is no branch %s, neither local nor of a remote", name).With("argument", "branch")
	}
	names := state.Visible(join(remote))
	return state.Errorf(state.NotFound, "pass the one that you mean: "+names, "there is no local branch %s; remotes have it: %s", name, names).With("argument", "branch").With("meanings", remote)
}

// ambiguous refuses a name that means several things, and gives the full name of each.
func ambiguous(argument, name string, err error) error {
	var refused *git.Refused
	if !errors.As(err, &refused) {
		return ops.GitError("look up "+argument, err)
	}
	meanings := state.Visible(join(refused.What))
	return state.Errorf(state.InvalidArgument, "pass the one that you mean: "+meanings, "%s: %q means several things, which are not the same commit: %s",
		argument, state.Clip(name, 100), meanings).With("argument", argument).With("meanings", refused.What)
}

// understood says what a name was taken for that could mean something else.
func understood(name string, m git.Meaning) string {
	if len(m.Not) == 0 {
		return ""
	}
	return state.Visible(fmt.Sprintf("%s was taken for %s, not for %s: pass a full name to mean another", name, m.Ref, join(m.Not)))
}

// resolveRemote takes a remote-tracking branch for the local one of its name: it
// makes that, without an upstream, or goes on with one that has all its commits.
func (b *Board) resolveRemote(ctx context.Context, name string, ask *ops.Create) error {
	branch, remote, ok, err := b.Git.RemoteBranch(ctx, name)
	if err == nil && !ok {
		return b.noBranch(ctx, name)
	}
	if err != nil {
		return ops.GitError("look up branch "+name, err)
	}
	local, ok, err := b.Git.Branch(ctx, branch)
	if err == nil && !ok {
		ask.NewBranch = true
		ask.Worktree.Branch, ask.Worktree.BaseRef, ask.Worktree.BaseCommit = branch, name, remote
		return nil
	}
	behind := 0
	if err == nil {
		behind, err = b.Git.Lacks(ctx, local, remote)
	}
	if err == nil && behind > 0 {
		return state.Errorf(state.Conflict, fmt.Sprintf("pass branch=%q to work on it as it is, or base_ref=%q for a new branch, or bring it up to date first", branch, name),
			"local branch %s lacks %d commits of %s", branch, behind, name).With("branch", branch)
	}
	ask.Worktree.Branch, ask.Worktree.BaseCommit = branch, local
	return ops.GitError("compare "+branch+" with "+name, err)
}

func baseError(ref string, err error) error {
	shown := state.Clip(ref, 100)
	switch {
	case errors.Is(err, git.ErrNoCommits):
		return state.Errorf(state.Conflict, "make a first commit (git commit), then repeat the call",
			"the repository has no commit yet, so a worktree has nothing to start from")
	case errors.Is(err, git.ErrAmbiguous):
		return ambiguous("base_ref", ref, err)
	case errors.Is(err, git.ErrUnknownRevision), errors.Is(err, git.ErrInvalidName):
		return state.Invalid("base_ref", "pass a branch, a tag or a commit of this repository, or leave it out for HEAD", "%q is no commit of this repository", shown)
	}
	return ops.GitError("look up base_ref "+state.Visible(shown), err)
}
