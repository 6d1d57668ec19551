package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
)

// LandError says in the contract's terms why a lane did not land in a target. Nothing was
// changed.
func (o Ops) LandError(lane, target string, err error) error {
	var known *state.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, ErrTipMoved) {
		return err
	}
	branch, what := state.Visible(short(target)), obstacle(err)
	var inTheWay *git.InTheWay
	var conflicts *git.Conflicts
	switch {
	case errors.As(err, &conflicts):
		return conflictError(lane, branch, conflicts)
	case errors.Is(err, git.ErrUnrelated):
		return state.Errorf(state.Conflict, "pass another target, or join the histories by hand (git merge --allow-unrelated-histories)",
			"%s and %s have no commit in common", lane, branch)
	case errors.Is(err, git.ErrNeedsMerge):
		return state.Errorf(state.GitFailed, "install git 2.38 or newer for landings; all other tools work with this one", "this git cannot merge without a checkout: %s", what)
	case errors.Is(err, git.ErrNotAncestor):
		return state.Errorf(state.Conflict, fmt.Sprintf(`call worktree_sync {"name":%q} first, or land by merge, squash or rebase`, lane),
			"%s has commits that worktree %s has not, so it cannot be fast-forwarded", branch, lane)
	case errors.Is(err, git.ErrIdentity):
		return state.Errorf(state.GitFailed, `the user sets it once: git config --global user.name "NAME" and git config --global user.email "ADDRESS"; then repeat the call`,
			"git does not know in whose name to commit: %s", what)
	case errors.Is(err, git.ErrSigning):
		return state.Errorf(state.GitFailed, "see to the signing key, or the user turns commit.gpgsign off; then repeat the call", "the commit could not be signed, as commit.gpgsign asks: %s", what)
	case errors.As(err, &inTheWay):
		return inTheWayError(branch, inTheWay)
	case errors.Is(err, git.ErrBranchMoved):
		return state.Errorf(state.Busy, "repeat the call", "branch %s moves while %s is to land in it", branch, lane)
	case errors.Is(err, git.ErrCheckedOut):
		return state.Errorf(state.InUse, "switch all but one of them to another branch (git switch), then repeat the call",
			"branch %s is checked out in several worktrees, which could not all move along: %s", branch, what).With("paths", refusedBy(err))
	case errors.Is(err, git.ErrOperation):
		return state.Errorf(state.Conflict, "end it there (--continue or --abort), then repeat the call",
			"in the checkout of %s there is under way: %s", branch, what).With("operation", what)
	case errors.Is(err, git.ErrConflicted):
		return state.Errorf(state.Conflict, "resolve them there, then repeat the call",
			"the checkout of %s has conflicts that nobody has resolved: %s", branch, what).With("files", refusedBy(err))
	case errors.Is(err, git.ErrAway):
		return state.Errorf(state.Conflict, "if that is gone for good, git worktree prune forgets it; then repeat the call",
			"branch %s is checked out at %s, which is not there", branch, what).With("path", what)
	case errors.Is(err, git.ErrNoBranch):
		return state.Errorf(state.NotFound, "pass another target", "there is no local branch %s", branch).With("argument", "target")
	case errors.Is(err, git.ErrBusy):
		return &state.Error{Code: state.Busy, Message: "branch " + branch + " or its checkout is in use", Hint: "repeat the call in a moment", Err: err}
	case errors.Is(err, git.ErrUnapproved):
		return state.Errorf(state.GitFailed, "for the user: wt-mcp trust shows and approves it; then repeat the call",
			"a program that the user has not approved has a say on the files that land in %s: %s", branch, what)
	case errors.Is(err, context.Canceled):
		return &state.Error{Code: state.Cancelled, Message: "the landing of " + lane + " was cancelled", Err: err}
	}
	return GitError("land "+lane+" in "+branch, err)
}

// conflictError names the files that lane and target changed in ways that do not join.
func conflictError(lane, branch string, e *git.Conflicts) error {
	const most = 50
	type conflict struct {
		Path string `json:"path"`
		Kind string `json:"kind"`
		With string `json:"with,omitempty"`
	}
	var files []conflict
	var shown []string
	for _, f := range e.Files[:min(len(e.Files), most)] {
		one := conflict{state.Visible(f.Path), f.Kind, state.Visible(f.With)}
		files = append(files, one)
		if one.With != "" {
			one.Kind += " with " + one.With
		}
		shown = append(shown, fmt.Sprintf("%s (%s)", one.Path, one.Kind))
	}
	all := len(e.Files) + e.More
	more, count := "", "1 file"
	if all != 1 {
		count = fmt.Sprintf("%d files", all)
	}
	if left := all - len(files); left > 0 {
		more = fmt.Sprintf(", and %d more", left)
	}
	err := state.Errorf(state.Conflict, fmt.Sprintf(`nothing was changed; worktree_sync {"name":%q} brings %s into the worktree, where the conflict is resolved; then repeat the call`, lane, branch),
		"%s conflicts with %s in %s: %s", lane, branch, count, state.Clip(strings.Join(shown, ", "), 2000)+more).
		With("files", files).With("count", all)
	if c := e.Commit; c != nil {
		err.Message += fmt.Sprintf("; the commit that does not fit is %s (%s)", c.ID[:min(len(c.ID), 10)], state.Visible(state.Clip(c.Subject(), 80)))
	}
	return err
}

// stepError is LandError for what a plan says of one landing. What stands against an
// undoing is not the lane's, and no change of the lane helps.
func (o Ops) stepError(ask Land, target string, err error) error {
	var conflicts *git.Conflicts
	told := o.LandError(ask.Worktree.Name, target, err)
	if ask.Undo == nil || !errors.As(err, &conflicts) {
		return told
	}
	e := *told.(*state.Error)
	branch := state.Visible(short(target))
	e.Message = strings.Replace(e.Message, fmt.Sprintf("%s conflicts with %s in", ask.Worktree.Name, branch),
		fmt.Sprintf("landing %s cannot be taken back: %s was changed since in", ask.Undo.ID, branch), 1)
	e.Hint = "nothing was changed; take back first what came on top (undo of a later landing, or git revert), or put these files right by hand and commit that"
	return &e
}

// inTheWayError names the files of the user's that a landing would have touched.
func inTheWayError(branch string, e *git.InTheWay) error {
	type file struct {
		Path string `json:"path"`
		Kind string `json:"kind"`
	}
	const most = 50
	var files []file
	var shown []string
	for _, f := range e.Files[:min(len(e.Files), most)] {
		path := state.Visible(f.Path)
		files = append(files, file{path, f.Kind})
		shown = append(shown, fmt.Sprintf("%s (%s)", path, f.Kind))
	}
	return state.Errorf(state.Dirty, "commit them there or move them away, then repeat the call; nothing was changed, and no other files are in the way",
		"the landing would touch files of the user's in the checkout of %s at %s: %s", branch, state.Visible(e.Checkout), state.Clip(strings.Join(shown, ", "), 600)).
		With("files", files).With("count", len(e.Files)).With("checkout", e.Checkout)
}

// refusedBy are the things behind a refusal, made safe to show.
func refusedBy(err error) (what []string) {
	var refused *git.Refused
	if errors.As(err, &refused) {
		for _, one := range refused.What[:min(len(refused.What), 50)] {
			what = append(what, state.Visible(one))
		}
	}
	return what
}
