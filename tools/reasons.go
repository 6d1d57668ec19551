package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/occupants"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/runner"
)

// Reason is one thing that keeps a worktree from being removed.
type Reason struct {
	Kind   string     `json:"kind" jsonschema:"claim, run, process, mount, unmovable, locked, operation, dirty, unseen, submodule, nested_repository or detached_commits; worktree_prune has more"`
	Code   state.Code `json:"code"`
	Detail string     `json:"detail"`
	Next   string     `json:"next" jsonschema:"what to do about it"`

	facts map[string]any // for programs, beside an error
}

// against is all that worktree_remove would answer without force.
func (b *Board) against(ctx context.Context, w state.Worktree) ([]Reason, error) {
	claimed, err := b.claimReason(ctx, w)
	if err != nil {
		return nil, err
	}
	standing, err := b.standing(ctx, w, w.Path)
	if err != nil {
		return nil, err
	}
	return b.reasons(ctx, w, append(claimed, standing...), false)
}

// claimReason is that somebody else has claimed the worktree's task. Who removes
// it passes the claim, or is refused before all else.
func (b *Board) claimReason(ctx context.Context, w state.Worktree) ([]Reason, error) {
	if w.TaskID == nil {
		return nil, nil
	}
	err := b.State.View(ctx, func(v *state.View) error {
		_, err := b.rules().Look(v, *w.TaskID, state.Token{})
		return err
	})
	var e *state.Error
	switch {
	case err == nil, state.CodeOf(err) == state.NotFound:
		return nil, nil
	case errors.As(err, &e) && (e.Code == state.ClaimHeld || e.Code == state.ClaimLost):
		return []Reason{{Kind: "claim", Code: e.Code, Detail: e.Message, Next: e.Hint, facts: e.Details}}, nil
	}
	return nil, err
}

// reasons adds to what stands in any case what force would override, unless it does.
func (b *Board) reasons(ctx context.Context, w state.Worktree, standing []Reason, force bool) ([]Reason, error) {
	all := append([]Reason{}, standing...)
	err := b.Git.CheckRemovable(ctx, git.Remove{Path: w.Path, Force: force})
	if err == nil {
		return all, nil
	}
	list, whole := git.Refusals(err)
	if !whole {
		return nil, b.removeError(w, err)
	}
	for _, one := range list {
		all = append(all, gitReason(w, one))
	}
	return all, nil
}

// standing is what no force overrides, for a worktree whose files are at dir. The
// claims of others are held against the call before.
func (b *Board) standing(_ context.Context, w state.Worktree, dir string) ([]Reason, error) {
	callers := occupants.Callers()
	inside, err := occupants.Staying(dir, func(p occupants.Process) bool { return ours(p) || b.Waiting && slices.Contains(callers, p.PID) })
	if err != nil && !errors.Is(err, occupants.ErrUnknown) && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for processes in worktree %s: %w", w.Name, err)
	}
	going, err := b.Runs.Going() // after the look: no run begins unseen between the two
	if err != nil {
		return nil, err
	}
	var all []Reason
	for _, r := range going {
		if strings.EqualFold(r.Worktree, w.Name) || slices.ContainsFunc(inside, func(p occupants.Process) bool { return of(p, r) }) {
			all = append(all, runReason(w, r))
		}
	}
	const shown = 5
	for _, p := range inside {
		if !slices.ContainsFunc(going, func(r runner.Record) bool { return of(p, r) }) && len(all) < shown {
			all = append(all, processReason(w, p, callers))
		}
	}
	return all, nil
}

// ours are this process and the git programs and supervisors that it started; what
// those of a run start is of the run.
func ours(p occupants.Process) bool {
	self := os.Getpid()
	return p.PID == self || len(p.Ancestors) > 0 && p.Ancestors[0] == self
}

// of reports whether a process belongs to a run.
func of(p occupants.Process, r runner.Record) bool {
	return p.PID == r.Supervisor || slices.Contains(p.Ancestors, r.Supervisor)
}

func runReason(w state.Worktree, r runner.Record) Reason {
	return Reason{Kind: "run", Code: state.InUse, Detail: fmt.Sprintf("run %s is going in worktree %s: %s", r.ID, w.Name, state.Clip(state.Visible(r.Command), 60)),
		Next:  fmt.Sprintf(`wait for it with run_output {"run_id":%q,"wait_seconds":30}, or end it with run_stop {"run_id":%q}, then repeat the call`, r.ID, r.ID),
		facts: map[string]any{"run_id": r.ID}}
}

// processReason tells who is at work in a worktree, and whether that is who makes the
// call. It is nobody that we started, so nobody that we would have ended.
func processReason(w state.Worktree, p occupants.Process, callers []int) Reason {
	command := state.Clip(state.Visible(p.Command), 60)
	r := Reason{Kind: "process", Code: state.InUse, Detail: fmt.Sprintf("process %d is at work in worktree %s: %s", p.PID, w.Name, command),
		Next:  "let it end or change its directory, then repeat the call",
		facts: map[string]any{"pid": p.PID, "command": command}}
	switch {
	case slices.Contains(callers, p.PID):
		r.Detail = fmt.Sprintf("who makes this call is in worktree %s itself: process %d, %s", w.Name, p.PID, command)
		r.Next = "leave the worktree first (change to another directory), then repeat the call"
		r.facts["caller"] = true
	case len(callers) > 0 && slices.Contains(p.Ancestors, callers[0]):
		r.Detail = fmt.Sprintf("process %d, which who makes this call has started, is at work in worktree %s: %s", p.PID, w.Name, command)
		r.Next = "let it end, or have it leave the worktree, then repeat the call"
	}
	return r
}

// gitReason says in the contract's terms what git has against a removal.
func gitReason(w state.Worktree, refused *git.Refused) Reason {
	what := refused.What
	shown := state.Visible(state.Clip(strings.Join(what, ", "), 300))
	again := fmt.Sprintf(`worktree_remove {"name":%q,"force":true}`, w.Name)
	reason := func(kind string, code state.Code, next, detail string, facts map[string]any) Reason {
		return Reason{Kind: kind, Code: code, Next: next, Detail: detail, facts: facts}
	}
	switch refused.Reason {
	case git.ErrDirty:
		return reason("dirty", state.Dirty, "commit them in "+w.Path+", or call "+again+", which keeps them in the trash",
			fmt.Sprintf("worktree %s has %d uncommitted or untracked: %s", w.Name, len(what), shown), map[string]any{"files": someFiles(what)})
	case git.ErrUnseen:
		return reason("unseen", state.Dirty, "see to it that it can be read, or call "+again+", which keeps it in the trash",
			fmt.Sprintf("in worktree %s there is what could not be looked at, so it is not known to be clean: %s", w.Name, shown), map[string]any{"unseen": someFiles(what)})
	case git.ErrSubmodules:
		return reason("submodule", state.Dirty, "commit and push there, or call "+again+", which keeps them in the trash",
			fmt.Sprintf("worktree %s has submodules with work of their own: %s", w.Name, shown), map[string]any{"repositories": someFiles(what)})
	case git.ErrNested:
		return reason("nested_repository", state.Dirty, "commit and push there, or move it out, or call "+again+", which keeps it in the trash",
			fmt.Sprintf("worktree %s has repositories in it with work of their own: %s", w.Name, shown), map[string]any{"repositories": someFiles(what)})
	case git.ErrUnmerged:
		return reason("detached_commits", state.Unmerged, "give them a branch (git branch NAME in the worktree), or call "+again+", which keeps them under a ref",
			fmt.Sprintf("the detached HEAD of worktree %s has commits that no branch, tag or remote has: %s", w.Name, shown), nil)
	case git.ErrOperation:
		return reason("operation", state.Conflict, "end it (--continue or --abort) in "+w.Path+", or call "+again,
			fmt.Sprintf("a %s is under way in worktree %s", shown, w.Name), map[string]any{"operation": shown})
	case git.ErrMounted:
		return reason("mount", state.InUse, "unmount it, then repeat the call; what is mounted there is not the worktree's to delete",
			fmt.Sprintf("a file system is mounted in worktree %s: %s", w.Name, shown), map[string]any{"mounts": someFiles(what)})
	case git.ErrUnmovable:
		return reason("unmovable", state.GitFailed, "see to the permissions, then repeat the call",
			fmt.Sprintf("worktree %s cannot be moved to the trash: %s", w.Name, shown), map[string]any{"path": w.Path})
	case git.ErrLocked:
		shown = cmp.Or(shown, "no reason given")
		return reason("locked", state.InUse, "ask whoever locked it; git worktree unlock "+w.Path+" ends the lock, and "+again+" overrides it",
			fmt.Sprintf("worktree %s is locked: %s", w.Name, shown), map[string]any{"reason": shown})
	}
	return reason("git", state.GitFailed, "nothing was changed; mend what git says, then repeat the call", "remove worktree "+w.Name+": "+state.Visible(refused.Error()), nil)
}

// refusal is the error of the first reason, which names the others; nil without any.
func refusal(all []Reason) error {
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	e := state.Errorf(first.Code, first.Next, "%s", first.Detail)
	e.Details = maps.Clone(first.facts)
	for _, r := range all[1:] {
		e.Message += "; also: " + r.Detail
	}
	if len(all) > 1 {
		e.Hint += "; worktree_status has the next call for each"
	}
	return e.With("reasons", all)
}

// removeError says in the contract's terms why git removed nothing.
func (b *Board) removeError(w state.Worktree, err error) error {
	list, whole := git.Refusals(err)
	var stranded *git.Stranded
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stranded):
		return strandedError(w, stranded, err)
	case whole:
		var all []Reason
		for _, one := range list {
			all = append(all, gitReason(w, one))
		}
		return refusal(all)
	case errors.Is(err, git.ErrNotWorktree):
		return b.notOurs(w.Path)
	}
	return ops.GitError("remove worktree "+w.Name, err)
}

// strandedError says where the files of a removal are that failed half way.
func strandedError(w state.Worktree, stranded *git.Stranded, err error) error {
	next := fmt.Sprintf(`worktree_restore {"snapshot":%q} brings the worktree back`, stranded.Snapshot)
	if onDisk(w.Path) {
		next = fmt.Sprintf(`there is something else at its path by now: worktree_restore {"snapshot":%q,"name":"NEW-NAME"} brings the worktree back beside it`, stranded.Snapshot)
	}
	if !stranded.Whole {
		next += "; what a snapshot does not hold, such as ignored files, is at " + stranded.Files
	}
	e := state.Errorf(state.GitFailed, next, "the removal of worktree %s failed half way: its files are in the trash at %s", w.Name, stranded.Files)
	e.Err = err
	return e.With("snapshot", stranded.Snapshot).With("trash", stranded.Files)
}

// hintOf is the next step that an error names, if it does.
func hintOf(err error) string {
	var known *state.Error
	if errors.As(err, &known) {
		return known.Hint
	}
	return ""
}
