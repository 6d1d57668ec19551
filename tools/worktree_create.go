package tools

import (
	"cmp"
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

func worktreeCreate() Tool {
	return define(Tool{
		Name:  "worktree_create",
		Title: "Create a worktree",
		Description: "Make a directory of its own on branch wt/<name> to work in, bound to a task, with the files of .worktreeinclude, and set it up. " +
			"Work only inside the returned path.",
		Set: Default,
	}, (*Board).WorktreeCreate, WorktreeCreateOut.text)
}

// WorktreeCreateIn are the arguments of worktree_create.
type WorktreeCreateIn struct {
	Name    string      `json:"name" jsonschema:"1-40 of A-Z a-z 0-9 . _ -"`
	TaskID  int         `json:"task_id,omitempty" jsonschema:"bind this task and start it" min:"1"`
	BaseRef string      `json:"base_ref,omitempty" jsonschema:"commit, branch or tag to start from, default HEAD"`
	Branch  string      `json:"branch,omitempty" jsonschema:"check out this existing branch, or a remote's: origin/x is worked on as x"`
	Claim   state.Token `json:"claim,omitzero"`
}

// WorktreeCreateOut is the entry, and what makes the worktree ready to work in.
type WorktreeCreateOut struct {
	state.Worktree
	readiness
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (out WorktreeCreateOut) MarshalJSON() ([]byte, error) {
	return joined(out.Worktree, out.readiness)
}

func (out WorktreeCreateOut) text() string {
	return lines(WorktreeLine(out.Worktree), out.readiness.text())
}

// WorktreeCreate makes a worktree and binds its task, or leaves nothing behind:
// it says on the board what git is about to do, lets git do it, and puts the
// outcome on the board. What git ignores is copied before that, the set-up runs
// after it: where one of them fails, the worktree stays and the answer says so.
func (b *Board) WorktreeCreate(ctx context.Context, in WorktreeCreateIn) (out WorktreeCreateOut, err error) {
	plan, err := b.planCreate(in)
	if err != nil {
		return out, err
	}
	return b.create(ctx, in, plan)
}

func (b *Board) create(ctx context.Context, in WorktreeCreateIn, plan state.Intent) (out WorktreeCreateOut, err error) {
	op, err := b.State.NewOperation()
	if err != nil {
		return out, err
	}
	defer op.Close()
	if err := b.prime(ctx, in.TaskID != 0); err != nil {
		return out, err
	}
	note, cause := b.resolve(ctx, in, &plan)
	if err := b.reserve(ctx, op, &plan, in.Claim, cause); err != nil {
		return out, err
	}
	add := addOf(plan, op)
	add.Fill = func(ctx context.Context) error {
		out.Included = b.include(ctx, plan.Path)
		return ctx.Err()
	}
	gitErr := b.Git.AddWorktree(ctx, add)
	lasting, cancel := lasting(ctx)
	defer cancel()
	if gitErr != nil {
		cause := createError(plan, gitErr)
		return WorktreeCreateOut{}, errors.Join(cause, b.forget(lasting, op, createEvent("failed", plan, cause)))
	}
	if out.Worktree, err = b.created(lasting, op, plan, out.Included); err != nil {
		return WorktreeCreateOut{}, err
	}
	b.measure()
	out.Note = note
	out.Setup = b.setUp(ctx, out.Worktree, b.claiming(in.Claim), setupWait)
	return out, nil
}

// planCreate checks the arguments that need no look at board or repository.
func (b *Board) planCreate(in WorktreeCreateIn) (state.Intent, error) {
	plan := state.Intent{Kind: state.IntentCreate, Name: in.Name, Path: b.worktreePath(in.Name),
		Branch: branchOf(in.Name), NewBranch: true, BaseRef: in.BaseRef, Actor: b.Actor}
	if err := state.CheckName(in.Name); err != nil {
		return plan, err
	}
	if in.TaskID != 0 {
		plan.TaskID = &in.TaskID
	} else if !in.Claim.IsZero() {
		return plan, claimWithoutTask()
	}
	if in.Branch != "" && in.BaseRef != "" {
		return plan, invalid("base_ref", "leave one of them out", "cannot go with branch, which says where it starts itself")
	}
	if in.Branch != "" {
		if err := git.CheckBranchName(in.Branch); err != nil {
			return plan, invalid("branch", "pass the name of an existing local branch", "%v", err)
		}
		plan.Branch, plan.NewBranch = in.Branch, false
	} else if in.BaseRef == "" {
		plan.BaseRef = "HEAD"
	}
	return plan, nil
}

// reserve takes name, task and branch on the board. A cause that already stands
// against the creation is told on the event log and returned.
func (b *Board) reserve(ctx context.Context, op *state.Operation, plan *state.Intent, claim state.Token, cause error) error {
	return b.updateFree(ctx, plan.Name, plan.TaskID, func(tx *state.Tx) error {
		if err := b.free(tx, *plan, claim); err != nil {
			return err
		}
		tx.Emit(createEvent("before", *plan, nil))
		if cause != nil {
			tx.Emit(createEvent("failed", *plan, cause))
			return nil
		}
		*plan = tx.PutIntent(op, *plan)
		return nil
	}, cause)
}

// free refuses a name, a task or a directory that is taken.
func (b *Board) free(tx *state.Tx, plan state.Intent, claim state.Token) error {
	if err := b.rules().Unused(tx, plan.Name, plan.TaskID, claim); err != nil {
		return err
	}
	if _, err := os.Lstat(plan.Path); err == nil {
		return state.Errorf(state.AlreadyExists, "choose another name, or move the directory away; worktree_list shows what is untracked",
			"there is something at %s that is not on the board", plan.Path).With("path", plan.Path)
	}
	return nil
}

func addOf(plan state.Intent, op *state.Operation) git.Add {
	a := git.Add{Path: plan.Path, Branch: plan.Branch, Commit: plan.BaseCommit, NewBranch: plan.NewBranch, Op: plan.ID, Since: state.Time(plan.At)}
	if op != nil {
		a.Inherit = append(a.Inherit, op.File())
	}
	return a
}

// createError says in the contract's terms why git made no worktree.
func createError(plan state.Intent, err error) error {
	what := ""
	var refused *git.Refused
	if errors.As(err, &refused) {
		what = state.Visible(strings.Join(refused.What, ", "))
	}
	switch {
	case errors.Is(err, git.ErrBranchExists):
		return state.Errorf(state.AlreadyExists,
			fmt.Sprintf(`pass branch=%q to go on with it, or choose another name`, plan.Branch),
			"branch %s exists already", plan.Branch).With("branch", plan.Branch)
	case errors.Is(err, git.ErrBranchConflict):
		return state.Errorf(state.Conflict, "rename that branch, or check out an existing branch with the branch argument",
			"git cannot make branch %s beside branch %s", plan.Branch, what).With("branch", what)
	case errors.Is(err, git.ErrCheckedOut):
		return state.Errorf(state.InUse, "work there, or pass another branch", "branch %s is checked out at %s", plan.Branch, what).With("path", what)
	case errors.Is(err, git.ErrPathExists), errors.Is(err, git.ErrRegistered):
		return state.Errorf(state.AlreadyExists, "choose another name, or clear it with git worktree prune", "git has something at %s: %s", plan.Path, what)
	}
	return cmp.Or(unusable(plan.Name, err), gitError("create worktree "+plan.Name, err))
}

// unusable is that git would not work in a worktree that there is, or would be; nil
// where that is not why.
func unusable(name string, err error) error {
	var found *git.Unusable
	if !errors.As(err, &found) {
		return nil
	}
	next := "nothing was changed; mend what git says, then repeat the call"
	if found.Remedy != "" {
		next = "nothing was changed; git's remedy: " + found.Remedy + "; then repeat the call"
	}
	return state.Errorf(state.GitFailed, next, "git would not work in worktree %s, %s: %s", name, found.Path, state.Visible(found.Why)).With("remedy", found.Remedy)
}

// created puts the new worktree on the board and binds its task.
func (b *Board) created(ctx context.Context, op *state.Operation, plan state.Intent, included *include.Result) (w state.Worktree, err error) {
	err = b.update(ctx, func(tx *state.Tx) (err error) {
		told := createEvent("after", plan, nil)
		tx.DropIntent(op)
		if w, told.Detail, err = register(tx, plan); err != nil {
			return err
		}
		if included != nil {
			told.Detail = rules.With(told.Detail, "included", included)
		}
		tx.Emit(told)
		if plan.Adopted {
			tx.Emit(adoptEvent(plan))
		}
		return nil
	})
	return w, err
}

// register puts the new entry on the registry and binds its task. It returns what
// changed of the task.
func register(tx *state.Tx, plan state.Intent) (state.Worktree, state.Fields, error) {
	w := state.Worktree{Name: plan.Name, Path: plan.Path, Branch: plan.Branch, Status: state.Active, CreatedAt: tx.At(),
		BaseRef: plan.BaseRef, BaseCommit: plan.BaseCommit, Adopted: plan.Adopted, TaskID: plan.TaskID}
	return rules.Register(tx, w, plan.Interrupted)
}

func createEvent(phase string, plan state.Intent, cause error) state.Event {
	e := state.Event{Event: "worktree.create." + phase, Actor: plan.Actor, Task: rules.TaskFields(plan.TaskID)}
	if phase == "after" {
		e.Worktree = state.Fields{"name": plan.Name, "path": plan.Path, "branch": plan.Branch, "status": state.Active}
	} else {
		e.Worktree = state.Fields{"name": plan.Name, "base_ref": plan.BaseRef}
	}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}
