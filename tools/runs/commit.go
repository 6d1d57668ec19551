package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
	"wt-mcp/tools/runner"
)

// Commit is what became of a commit.
type Commit struct {
	*git.OpenCommit
	Commit string // "" where there was nothing to commit
	Out    Out    // of git and its hooks; its RunID is empty where none was started
}

// Commit commits what is open in the worktree of the order, whose Command it writes. A
// commit that is refused, by git or by a hook, is an error, and index and HEAD are then
// as they were. It is told on the board before git's lock on the index is given up.
func (r Runner) Commit(ctx context.Context, o Order, message string, paths []string) (done Commit, err error) {
	if err := r.FinishCommit(ctx, o.Worktree); err != nil {
		return done, err
	}
	o.ID = runner.NewID(time.Now())
	c, err := r.Git.OpenCommit(ctx, git.Committing{ID: o.ID, Path: o.Worktree.Path, Message: message, Paths: paths})
	if err != nil {
		return done, commitError(o.Worktree, err)
	}
	defer c.Release()
	if whole := c.Operation == "merge" || c.Operation == "cherry-pick"; whole && len(paths) > 0 {
		return done, state.Errorf(state.Conflict, "leave paths out: a commit of all that is open concludes it", "a %s is under way in worktree %s, of which git commits no part; nothing was committed", c.Operation, o.Worktree.Name)
	}
	if done.OpenCommit = c; len(c.Files) == 0 && c.Operation == "" {
		return done, nil
	}
	o.Command, o.Own, o.Wait = c.Command(), c.Env(), o.Timeout+cleanupTime
	done.Out, err = r.Run(ctx, o)
	ctx, cancel := lasting(ctx)
	defer cancel()
	made, settleErr := c.Settle(ctx)
	if done.Commit = made; made != "" {
		settleErr = errors.Join(settleErr, r.tellCommit(ctx, o.Worktree, o.ID, made, c))
	}
	return done, errors.Join(err, settleErr, r.refused(done))
}

// refused says why there is no commit; nil where there is one.
func (r Runner) refused(c Commit) error {
	out := c.Out
	if c.Commit != "" || out.RunID == "" {
		return nil
	}
	code, what := state.GitFailed, "was refused"
	switch {
	case out.Status == runner.TimedOut:
		code, what = state.Timeout, fmt.Sprintf("took longer than %.0f s and was ended", out.DurationSeconds)
	case out.Status == runner.Cancelled:
		code, what = state.Cancelled, "was ended: "+out.Cause
	case len(c.Hooks) > 0:
		what += fmt.Sprintf(" (hooks there: %s)", strings.Join(c.Hooks, ", "))
	}
	hint := fmt.Sprintf(`mend what it says, then call worktree_commit again; all of its output: run_output {"run_id":%q,"offset":0}`, out.RunID)
	if code == state.Timeout {
		hint = fmt.Sprintf(`commit through worktree_run with a longer timeout_seconds; its output: run_output {"run_id":%q,"offset":0}`, out.RunID)
	}
	text := strings.TrimSpace(out.Output)
	if text == "" {
		text = "git and its hooks said nothing"
	}
	e := state.Errorf(code, hint, "the commit %s; nothing is committed, and the index is as it was: %s", what, text)
	if len(c.Hooks) > 0 {
		e = e.With("hooks", c.Hooks)
	}
	return e.With("run_id", out.RunID).With("output", out.Output)
}

// tellCommit puts a commit on the board.
func (r Runner) tellCommit(ctx context.Context, w state.Worktree, run, oid string, c *git.OpenCommit) error {
	e := state.Event{Event: state.WorktreeCommit, Actor: r.Rules.Actor, Task: rules.TaskFields(w.TaskID),
		Worktree: state.Fields{"name": w.Name, "path": w.Path, "branch": c.Branch},
		Detail:   state.Fields{"commit": oid, "run_id": run}}
	if len(c.Files) > 0 {
		e.Detail["files"] = len(c.Files)
	}
	return r.Change(ctx, func(tx *state.Tx) error {
		tx.Emit(e)
		return nil
	})
}

// FinishCommit puts in order what a commit left whose process died: git's index, its
// lock, and the board. A living one stays.
func (r Runner) FinishCommit(ctx context.Context, w state.Worktree) error {
	c, run, err := r.Git.AbandonedCommit(ctx, w.Path, r.commits)
	if err != nil || c == nil {
		return nil // whoever works there says what is wrong with it
	}
	defer c.Release()
	made, err := c.Settle(ctx)
	if err != nil {
		return ops.GitError("finish the interrupted commit in worktree "+w.Name, err)
	}
	if made == "" {
		return nil
	}
	told := false
	err = r.State.View(ctx, func(v *state.View) error {
		found, _, err := v.Events(state.EventQuery{Limit: 1, Match: func(e state.Event) bool {
			return e.Event == state.WorktreeCommit && e.Detail["run_id"] == run
		}})
		told = len(found) > 0
		return err
	})
	if err != nil || told {
		return err
	}
	c.Branch, err = r.Git.HeadBranch(ctx, w.Path)
	return errors.Join(err, r.tellCommit(ctx, w, run, made, c))
}

// LeftCommit reports whether there is anything for FinishCommit to do.
func (r Runner) LeftCommit(w state.Worktree) bool { return r.Git.LeftCommit(w.Path, r.commits) }

// commits reports whether the run of a commit goes on.
func (r Runner) commits(id string) bool {
	_, going := r.Jobs.Peek(id)
	return going || r.Jobs.Going(id)
}

// commitError says in the contract's terms why nothing was committed.
func commitError(w state.Worktree, err error) error {
	list, _ := git.Refusals(err)
	if len(list) == 0 {
		return ops.GitError("commit in worktree "+w.Name, err)
	}
	what := list[0].What
	shown := state.Visible(state.Clip(strings.Join(what, ", "), 600))
	refuse := func(code state.Code, next, format string, args ...any) error {
		return state.Errorf(code, next, format, args...).With("files", what[:min(len(what), mostEscapes)])
	}
	switch list[0].Reason {
	case git.ErrConflicted:
		return refuse(state.Conflict, "resolve each, then git add it (or git rm) through worktree_run, then call worktree_commit again",
			"worktree %s has %d unmerged: %s; nothing was committed", w.Name, len(what), shown)
	case git.ErrMarkers:
		return refuse(state.Conflict, "resolve the conflict there, then call worktree_commit again; where the lines are meant, commit with git through worktree_run",
			"conflict markers are left in what would be committed in worktree %s: %s; nothing was committed", w.Name, shown)
	case git.ErrEmbedded:
		return refuse(state.Conflict, "take it out (git rm --cached PATH) and ignore or move it, or make it a submodule (git submodule add URL PATH), then call worktree_commit again",
			"a repository within worktree %s is staged and .gitmodules does not name it, so none of its files would be in the commit: %s; nothing was committed", w.Name, shown)
	case git.ErrUnapproved:
		return refuse(state.GitFailed, "the user approves it with wt-mcp trust, in the main checkout; then call worktree_commit again, or commit other files by paths",
			"filters of the repository's own git configuration are not approved, and without them these would be stored as they lie there: %s; nothing was committed", shown)
	case git.ErrIdentity:
		return state.Errorf(state.GitFailed, `the user runs git config --global user.name "NAME" and git config --global user.email "EMAIL" (without --global for this repository alone); then call worktree_commit again`,
			"git does not know who commits; nothing was committed")
	case git.ErrNoFile:
		return state.Invalid("paths", "worktree_status lists what is open; an ignored file takes git add -f through worktree_run",
			"worktree %s has no tracked or changed file there: %s", w.Name, shown)
	case git.ErrBusy:
		return state.Errorf(state.Busy, "another git works there: repeat the call when it has ended; if none does, remove the lock file",
			"somebody else has the index of worktree %s: %s", w.Name, shown)
	}
	return ops.GitError("commit in worktree "+w.Name, err)
}
