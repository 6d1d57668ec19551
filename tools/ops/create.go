package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/include"
	"wt-mcp/tools/rules"
)

// Create asks for a worktree.
type Create struct {
	Worktree  state.Worktree // name, path, branch, where it begins, task
	NewBranch bool           // the branch is made; else it is there
	Claim     state.Token
	Against   error // what stands against it already: told on the board, and answered
}

// Created is what became of it.
type Created struct {
	Worktree state.Worktree
	Included *include.Result // what was copied into it; nil for nothing
}

// Create makes a worktree and binds its task, or leaves nothing behind. What git
// ignores is copied before it counts as made: where that fails the worktree stays,
// and the result says so.
func (o Ops) Create(ctx context.Context, ask Create) (Created, error) {
	c := &creation{Ops: o, Create: ask}
	if err := o.run(ctx, c); err != nil {
		return Created{}, bare(err)
	}
	return Created{c.made, c.included}, nil
}

// bare is what an unsettled operation failed with.
func bare(err error) error {
	var left unsettled
	if errors.As(err, &left) {
		return left.error
	}
	return err
}

type creation struct {
	Ops
	Create
	mark
	included *include.Result
	made     state.Worktree
}

func (o Ops) creationOf(in state.Intent) kind {
	return &creation{Ops: o, Create: Create{Worktree: worktreeOf(in), NewBranch: in.NewBranch}, mark: mark{in}}
}

func (c *creation) plan() state.Intent {
	in := intentOf(state.IntentCreate, c.Worktree, c.Rules.Actor)
	in.NewBranch = c.NewBranch
	return in
}

func (c *creation) announce(tx *state.Tx) (against, err error) {
	if err := c.Free(tx, c.Worktree, c.Claim); err != nil {
		return nil, err
	}
	tx.Emit(c.event(state.WorktreeCreateBefore, nil))
	return c.Against, nil
}

// Free refuses a name, a task or a directory that is taken.
func (o Ops) Free(tx *state.Tx, w state.Worktree, claim state.Token) error {
	if err := o.Rules.Unused(tx, w.Name, w.TaskID, claim); err != nil {
		return err
	}
	if _, err := os.Lstat(w.Path); err == nil {
		return state.Errorf(state.AlreadyExists, "choose another name, or move the directory away; worktree_list shows what is untracked",
			"there is something at %s that is not on the board", w.Path).With("path", w.Path)
	}
	return nil
}

func (c *creation) act(ctx context.Context, op *state.Operation) error {
	return createError(c.Worktree, c.Git.AddWorktree(ctx, c.add(op, c.fill)))
}

func (c *creation) add(op *state.Operation, fill func(context.Context) error) git.Add {
	return git.Add{Path: c.Worktree.Path, Branch: c.Worktree.Branch, Commit: c.Worktree.BaseCommit, NewBranch: c.NewBranch,
		Op: c.ID, Since: state.Time(c.At), Inherit: []*os.File{op.File()}, Fill: fill}
}

func (c *creation) fill(ctx context.Context) error {
	c.included = c.Include(ctx, c.Worktree.Path)
	return ctx.Err()
}

// finish asks git how far the creation got. A worktree that is checked out gets what
// is still to be copied; of any other, what the operation made is taken back.
func (c *creation) finish(ctx context.Context, op *state.Operation) error {
	err := c.Git.FinishAdd(ctx, c.add(op, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, cleanupTime/2)
		defer cancel()
		return c.fill(ctx)
	}))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded): // the next one goes on from there
		return stays{state.Errorf(state.Busy, "repeat the call", "worktree %s is still being made ready", c.Worktree.Name)}
	}
	if undo := c.Git.UndoAdd(ctx, c.add(op, nil)); undo != nil && !errors.Is(undo, git.ErrBranchMoved) {
		return stays{GitError("undo the interrupted creation of "+c.Worktree.Name, undo)}
	}
	return c.died("", err)
}

// settle puts the new worktree on the board and binds its task.
func (c *creation) settle(tx *state.Tx) (err error) {
	told := c.event(state.WorktreeCreateAfter, nil)
	w := c.Worktree
	w.Status, w.CreatedAt = state.Active, tx.At()
	if c.made, told.Detail, err = rules.Register(tx, w, c.Interrupted); err != nil {
		return err
	}
	if c.included != nil {
		told.Detail = rules.With(told.Detail, "included", c.included)
	}
	tx.Emit(told)
	if w.Adopted {
		tx.Emit(AdoptEvent(w, c.actor()))
	}
	return nil
}

func (c *creation) fail(tx *state.Tx, cause error) error {
	tx.Emit(c.event(state.WorktreeCreateFailed, cause))
	return nil
}

func (c *creation) follow(ctx context.Context, recovered bool) {
	if recovered {
		c.Recovered(ctx, c.made)
	}
}

func (c *creation) event(name state.EventName, cause error) state.Event {
	e := state.Event{Event: name, Actor: c.actor(), Task: rules.TaskFields(c.Worktree.TaskID)}
	if name == state.WorktreeCreateAfter {
		e.Worktree = state.Fields{"name": c.Worktree.Name, "path": c.Worktree.Path, "branch": c.Worktree.Branch, "status": state.Active}
	} else {
		e.Worktree = state.Fields{"name": c.Worktree.Name, "base_ref": c.Worktree.BaseRef}
	}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

func (c *creation) actor() string { return c.actorOr(c.Rules.Actor) }

// AdoptEvent tells that a worktree of others is on the board now.
func AdoptEvent(w state.Worktree, actor string) state.Event {
	return state.Event{Event: state.WorktreeAdopt, Actor: actor, Task: rules.TaskFields(w.TaskID),
		Worktree: state.Fields{"name": w.Name, "path": w.Path, "branch": w.Branch, "status": state.Active}}
}

// createError says in the contract's terms why git made no worktree.
func createError(w state.Worktree, err error) error {
	what := obstacle(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, git.ErrBranchExists):
		return state.Errorf(state.AlreadyExists,
			fmt.Sprintf(`pass branch=%q to go on with it, or choose another name`, w.Branch),
			"branch %s exists already", w.Branch).With("branch", w.Branch)
	case errors.Is(err, git.ErrBranchConflict):
		return state.Errorf(state.Conflict, "rename that branch, or check out an existing branch with the branch argument",
			"git cannot make branch %s beside branch %s", w.Branch, what).With("branch", what)
	case errors.Is(err, git.ErrCheckedOut):
		return state.Errorf(state.InUse, "work there, or pass another branch", "branch %s is checked out at %s", w.Branch, what).With("path", what)
	case errors.Is(err, git.ErrPathExists), errors.Is(err, git.ErrRegistered):
		return state.Errorf(state.AlreadyExists, "choose another name, or clear it with git worktree prune", "git has something at %s: %s", w.Path, what)
	}
	return Unusable(w.Name, "create worktree "+w.Name, err)
}

// Unusable says why git would not work in a worktree that there is, or would be, and
// of any other error what git refused.
func Unusable(name, doing string, err error) error {
	var found *git.Unusable
	if !errors.As(err, &found) {
		return GitError(doing, err)
	}
	next := "nothing was changed; mend what git says, then repeat the call"
	if found.Remedy != "" {
		next = "nothing was changed; git's remedy: " + found.Remedy + "; then repeat the call"
	}
	return state.Errorf(state.GitFailed, next, "git would not work in worktree %s, %s: %s", name, found.Path, state.Visible(found.Why)).With("remedy", found.Remedy)
}

// obstacle names what git says stands in the way.
func obstacle(err error) string {
	var refused *git.Refused
	if errors.As(err, &refused) {
		return state.Visible(strings.Join(refused.What, ", "))
	}
	return ""
}
