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
	branch := state.Visible(short(target))
	return refusal{doing: "land " + lane + " in " + branch, lane: lane, other: branch, argument: "target", branch: branch, checkout: "the checkout of " + branch, commit: "commit them there"}.of(err)
}

// SyncError says why a worktree did not go onto another commit.
func SyncError(w state.Worktree, onto string, err error) error {
	return refusal{doing: "sync worktree " + w.Name, lane: w.Name, other: state.Visible(onto), argument: "onto", branch: w.Branch, checkout: "worktree " + w.Name,
		commit: fmt.Sprintf(`commit them with worktree_commit {"name":%q,…}`, w.Name)}.of(err)
}

// refusal words what stands against the move of a branch.
type refusal struct {
	doing       string
	lane, other string // that are to be joined
	argument    string // that names other
	branch      string // that is to move
	checkout    string // the one that has it
	commit      string // how to commit what lies there
}

// of words an error of package git. One that is worded is returned as it is.
func (r refusal) of(err error) error {
	var known *state.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, ErrTipMoved) {
		return err
	}
	var inTheWay *git.InTheWay
	var conflicts *git.Conflicts
	var half *git.HalfMoved
	switch {
	case errors.As(err, &half):
		e := state.Errorf(state.GitFailed, "see to what failed, such as a full disk; the next call about the worktree goes on with it", "%v", half)
		e.Err = half.Err
		return e
	case errors.As(err, &conflicts):
		return r.conflict(conflicts)
	case errors.As(err, &inTheWay):
		return r.inTheWay(inTheWay)
	}
	for _, word := range []func(error, string) error{r.ofMerge, r.ofPlace} {
		if e := word(err, obstacle(err)); e != nil {
			return e
		}
	}
	return GitError(r.doing, err)
}

// ofMerge words what stands against the merge.
func (r refusal) ofMerge(err error, what string) error {
	switch {
	case errors.Is(err, git.ErrUnrelated):
		return state.Errorf(state.Conflict, "pass another "+r.argument+", or join the histories by hand (git merge --allow-unrelated-histories)",
			"%s and %s have no commit in common", r.lane, r.other)
	case errors.Is(err, git.ErrNeedsMerge):
		return state.Errorf(state.GitFailed, "install git 2.38 or newer for landings; all other tools work with this one", "this git cannot merge without a checkout: %s", what)
	case errors.Is(err, git.ErrNotAncestor):
		return state.Errorf(state.Conflict, fmt.Sprintf(`call worktree_sync {"name":%q} first, or land by merge, squash or rebase`, r.lane),
			"%s has commits that worktree %s has not, so it cannot be fast-forwarded", r.other, r.lane)
	case errors.Is(err, git.ErrIdentity):
		return state.Errorf(state.GitFailed, `the user sets it once: git config --global user.name "NAME" and git config --global user.email "ADDRESS"; then repeat the call`,
			"git does not know in whose name to commit: %s", what)
	case errors.Is(err, git.ErrSigning):
		return state.Errorf(state.GitFailed, "see to the signing key, or the user turns commit.gpgsign off; then repeat the call", "the commit could not be signed, as commit.gpgsign asks: %s", what)
	case errors.Is(err, context.Canceled):
		return &state.Error{Code: state.Cancelled, Message: r.doing + " was cancelled", Err: err}
	}
	return nil
}

// ofPlace words what stands against the move of the branch and its checkout.
func (r refusal) ofPlace(err error, what string) error {
	switch {
	case errors.Is(err, git.ErrBranchMoved):
		return state.Errorf(state.Busy, "repeat the call", "branch %s was moved meanwhile: %s; nothing was changed", r.branch, what)
	case errors.Is(err, git.ErrCheckedOut):
		return state.Errorf(state.InUse, "switch all but one of them to another branch (git switch), then repeat the call",
			"branch %s is checked out in several worktrees, which could not all move along: %s", r.branch, what).With("paths", refusedBy(err))
	case errors.Is(err, git.ErrOperation):
		return state.Errorf(state.Conflict, "end it there (--continue or --abort), then repeat the call", "in %s there is under way: %s", r.checkout, what).With("operation", what)
	case errors.Is(err, git.ErrConflicted):
		return state.Errorf(state.Conflict, "resolve them there, then repeat the call", "%s has conflicts that nobody has resolved: %s", r.checkout, what).With("files", refusedBy(err))
	case errors.Is(err, git.ErrAway):
		return state.Errorf(state.Conflict, "if that is gone for good, git worktree prune forgets it; then repeat the call",
			"branch %s is checked out at %s, which is not there", r.branch, what).With("path", what)
	case errors.Is(err, git.ErrNoBranch):
		return state.Errorf(state.NotFound, "pass another "+r.argument, "there is no local branch %s", r.branch).With("argument", r.argument)
	case errors.Is(err, git.ErrBusy):
		return &state.Error{Code: state.Busy, Message: "branch " + r.branch + " or its checkout is in use", Hint: "repeat the call in a moment", Err: err}
	case errors.Is(err, git.ErrUnapproved):
		return state.Errorf(state.GitFailed, "for the user: wt-mcp trust shows and approves it; then repeat the call",
			"a program that the user has not approved has a say on the files in %s: %s", r.checkout, what)
	}
	return nil
}

// Conflict is a file that two sides changed in ways that do not join.
type Conflict struct {
	Path string `json:"path"`
	Kind string `json:"kind" jsonschema:"contents, modify/delete, rename/rename, …"`
	With string `json:"with,omitempty" jsonschema:"the other path"`
}

// ConflictsOf lists the conflicts, 50 at most, and says in words where they are.
func ConflictsOf(e *git.Conflicts) (files []Conflict, words string) {
	const most = 50
	var shown []string
	for _, f := range e.Files[:min(len(e.Files), most)] {
		one := Conflict{state.Visible(f.Path), f.Kind, state.Visible(f.With)}
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
	return files, count + ": " + state.Clip(strings.Join(shown, ", "), 2000) + more
}

// conflict names the files, and the call that leaves them to be worked on.
func (r refusal) conflict(e *git.Conflicts) error {
	files, words := ConflictsOf(e)
	call := fmt.Sprintf(`worktree_sync {"name":%q,"on_conflict":"markers"}`, r.lane)
	if r.argument == "onto" {
		call = fmt.Sprintf(`worktree_sync {"name":%q,"onto":%q,"on_conflict":"markers"}`, r.lane, r.other)
	}
	err := state.Errorf(state.Conflict, fmt.Sprintf("nothing was changed; %s leaves the conflict in the worktree, to be resolved there; then repeat the call", call),
		"%s conflicts with %s in %s", r.lane, r.other, words).
		With("files", files).With("count", len(e.Files)+e.More)
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

// inTheWay names the files with open work that the move would have touched.
func (r refusal) inTheWay(e *git.InTheWay) error {
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
	return state.Errorf(state.Dirty, r.commit+" or move them away, then repeat the call; nothing was changed, and no other files are in the way",
		"to %s would touch uncommitted files in %s at %s: %s", r.doing, r.checkout, state.Visible(e.Checkout), state.Clip(strings.Join(shown, ", "), 600)).
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
