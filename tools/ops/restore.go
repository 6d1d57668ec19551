package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// Restore asks for a worktree to be brought back.
type Restore struct {
	Worktree state.Worktree // as it was, under the name and at the path that it gets
	Snapshot string
	Claim    state.Token
}

// Restored is what became of it.
type Restored struct {
	Worktree state.Worktree
	git.Restored
}

// Restore brings a worktree back and binds its task again, if that is there for the
// taking; the notes of the result say where it is not as it was.
func (o Ops) Restore(ctx context.Context, ask Restore) (Restored, error) {
	r := &restoration{Ops: o, Restore: ask, wanted: ask.Worktree.TaskID}
	if err := o.run(ctx, r); err != nil {
		done := "worktree " + ask.Worktree.Name + " was restored"
		if r.misplaced {
			done = "the files of worktree " + ask.Worktree.Name + " are back"
		}
		return Restored{}, unrecorded(done, err)
	}
	if r.note != "" {
		r.back.Notes = append(r.back.Notes, r.note)
	}
	return Restored{r.made, r.back}, nil
}

type restoration struct {
	Ops
	Restore
	mark
	wanted    *int   // the task that it had
	note      string // why that is not bound again
	back      git.Restored
	made      state.Worktree
	misplaced bool // git failed after the directory was in its place
}

func (o Ops) restorationOf(in state.Intent) kind {
	return &restoration{Ops: o, Restore: Restore{Worktree: worktreeOf(in), Snapshot: in.Snapshot}, mark: mark{in}, wanted: in.TaskID}
}

func (r *restoration) plan() state.Intent {
	in := intentOf(state.IntentRestore, r.Worktree, r.Rules.Actor)
	in.Snapshot = r.Snapshot
	return in
}

// announce takes the name on the board, and the task if it is there for the taking.
func (r *restoration) announce(tx *state.Tx) (against, err error) {
	r.Worktree.TaskID, r.note = r.wanted, ""
	if r.wanted != nil {
		if r.note, err = r.unavailable(&tx.View, *r.wanted); err != nil {
			return nil, err
		}
		if r.note != "" {
			r.Worktree.TaskID = nil
		}
	}
	if err := r.Free(tx, state.Worktree{Name: r.Worktree.Name, Path: r.Worktree.Path}, state.Token{}); err != nil {
		return nil, r.elsewhere(err)
	}
	return nil, nil
}

// elsewhere points from a name that is taken to another one.
func (r *restoration) elsewhere(err error) error {
	var taken *state.Error
	if errors.As(err, &taken) && taken.Code == state.AlreadyExists {
		taken.Hint = fmt.Sprintf(`to have it beside that, call worktree_restore {"snapshot":%q,"name":"NEW-NAME"}`, r.Snapshot)
	}
	return err
}

// unavailable says why a task is not bound to a worktree that comes back.
func (r *restoration) unavailable(v *state.View, id int) (string, error) {
	t, err := v.Task(id)
	switch {
	case err != nil:
		return fmt.Sprintf("its task %d is gone", id), nil
	case !t.Status.Open():
		return fmt.Sprintf("its task %d is %s: not bound", id, t.Status), nil
	case t.Worktree != "" && !strings.EqualFold(t.Worktree, r.Worktree.Name):
		return fmt.Sprintf("its task %d has worktree %s by now: not bound", id, t.Worktree), nil
	}
	_, err = r.Rules.Look(v, id, r.Claim)
	if err != nil && !r.Claim.IsZero() {
		return "", err
	}
	if err = cmp.Or(err, rules.Startable(v, t)); err != nil {
		return fmt.Sprintf("%v: not bound", err), nil
	}
	return "", nil
}

func (r *restoration) act(ctx context.Context, op *state.Operation) (err error) {
	r.back, err = r.Git.RestoreWorktree(ctx, r.restore(op))
	if errors.Is(err, git.ErrCheckedOut) {
		r.misplaced = true
		ctx, cancel := lasting(ctx)
		defer cancel()
		if r.back, err = r.Git.FinishRestore(ctx, r.restore(op)); err != nil {
			return stays{err}
		}
	}
	return r.restoreError(err)
}

func (r *restoration) restore(op *state.Operation) git.Restore {
	return git.Restore{Snapshot: r.Snapshot, Path: r.Worktree.Path, Branch: BranchOf(r.Worktree.Name), Op: r.ID, Since: state.Time(r.At),
		Inherit: []*os.File{op.File()}}
}

// finish goes on with a restore that got to its end but for the board, and takes back
// any other.
func (r *restoration) finish(ctx context.Context, op *state.Operation) (err error) {
	if r.back, err = r.Git.FinishRestore(ctx, r.restore(op)); err == nil {
		return nil
	}
	if undo := r.Git.UndoRestore(ctx, r.restore(op)); undo != nil && !errors.Is(undo, git.ErrBranchMoved) {
		return stays{GitError("undo the interrupted restore of "+r.Worktree.Name, undo)}
	}
	return r.died("", err)
}

// settle puts the worktree back on the board.
func (r *restoration) settle(tx *state.Tx) (err error) {
	w := r.Worktree
	w.Branch, w.Status, w.CreatedAt = r.back.Branch, state.Active, tx.At()
	if r.back.Snapshot.Detached { // as the board had it while it was so
		if w.Branch, err = unusedBranch(tx, r.Worktree.Branch); err != nil {
			return err
		}
	}
	e := r.event(nil)
	if r.made, e.Detail, err = rules.Register(tx, w, r.Interrupted); err != nil {
		return err
	}
	e.Worktree["branch"], e.Worktree["status"] = w.Branch, w.Status
	tx.Emit(e)
	return nil
}

// unusedBranch is the branch, unless another live worktree has it.
func unusedBranch(tx *state.Tx, branch string) (string, error) {
	all, err := tx.Worktrees()
	for _, w := range all {
		if w.Live() && w.Branch == branch {
			return "", err
		}
	}
	return branch, err
}

func (r *restoration) fail(tx *state.Tx, cause error) error {
	tx.Emit(r.event(cause))
	return nil
}

func (r *restoration) follow(context.Context, bool) {}

func (r *restoration) event(cause error) state.Event {
	e := state.Event{Event: state.WorktreeRestore, Actor: r.actorOr(r.Rules.Actor), Task: rules.TaskFields(r.Worktree.TaskID),
		Worktree: state.Fields{"name": r.Worktree.Name, "path": r.Worktree.Path, "snapshot": r.Snapshot}}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

// restoreError says in the contract's terms why nothing came back.
func (r *restoration) restoreError(err error) error {
	what := obstacle(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, git.ErrPathExists), errors.Is(err, git.ErrRegistered):
		again := fmt.Sprintf(`worktree_restore {"snapshot":%q,"name":"NEW-NAME"}`, r.Snapshot)
		return state.Errorf(state.AlreadyExists, "call "+again, "there is something at %s", what).With("path", what)
	case errors.Is(err, git.ErrBranchExists):
		return state.Errorf(state.AlreadyExists, "rename branch "+what+", then repeat the call",
			"the worktree was on branch %s before that had a commit, and by now there is such a branch", what).With("branch", what)
	}
	return Unusable(r.Worktree.Name, "restore worktree "+r.Worktree.Name, err)
}
