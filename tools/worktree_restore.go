package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func worktreeRestore() Tool {
	return define(Tool{
		Name:        "worktree_restore",
		Title:       "Restore a worktree",
		Description: "Undo worktree_remove, or make a copy from worktree_snapshot: files, index, branch and task as they were. Overwrites nothing.",
		Set:         Integrate,
	}, (*Board).WorktreeRestore, WorktreeRestoreOut.text)
}

// WorktreeRestoreIn are the arguments of worktree_restore.
type WorktreeRestoreIn struct {
	Snapshot string      `json:"snapshot" jsonschema:"as worktree_remove or worktree_snapshot answered it"`
	Name     string      `json:"name,omitempty" jsonschema:"another name than it had"`
	Claim    state.Token `json:"claim,omitzero"`
}

// WorktreeRestoreOut is the entry, and where the worktree is not what it was.
type WorktreeRestoreOut struct {
	state.Worktree
	restoration
}

type restoration struct {
	Snapshot      string   `json:"snapshot"`
	From          string   `json:"from" jsonschema:"trash: with everything; snapshot: without ignored files"`
	BranchOutcome string   `json:"branch_outcome" jsonschema:"same, new or detached"`
	Notes         []string `json:"notes" jsonschema:"where it is not as it was"`
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (out WorktreeRestoreOut) MarshalJSON() ([]byte, error) {
	return joined(out.Worktree, out.restoration)
}

// WorktreeRestore brings a worktree back and binds its task again. It says on the
// board what git is about to do, lets git do it, and puts the outcome there.
func (b *Board) WorktreeRestore(ctx context.Context, in WorktreeRestoreIn) (out WorktreeRestoreOut, err error) {
	s, err := b.Git.Snapshot(ctx, in.Snapshot)
	if err != nil {
		return out, b.unknownSnapshot(ctx, in.Snapshot, err)
	}
	plan, err := b.planRestore(in, s)
	if err != nil {
		return out, err
	}
	op, err := b.State.NewOperation()
	if err != nil {
		return out, err
	}
	defer op.Close()
	if err := b.prime(ctx, plan.TaskID != nil); err != nil {
		return out, err
	}
	note, err := b.reserveRestore(ctx, op, &plan, in.Claim)
	if err != nil {
		return out, err
	}
	back, gitErr := b.Git.RestoreWorktree(ctx, restoreOf(plan, op))
	ctx, cancel := lasting(ctx)
	defer cancel()
	if errors.Is(gitErr, git.ErrCheckedOut) { // it failed after the directory was in its place
		if back, gitErr = b.Git.FinishRestore(ctx, restoreOf(plan, op)); gitErr != nil {
			return out, unrecorded("the files of worktree "+plan.Name+" are back", gitErr)
		}
	}
	if gitErr != nil {
		cause := restoreError(plan, gitErr)
		return out, errors.Join(cause, b.forget(ctx, op, restoreEvent(plan, cause)))
	}
	if note != "" {
		back.Notes = append(back.Notes, note)
	}
	out, err = b.restored(ctx, op, plan, back)
	return out, unrecorded("worktree "+plan.Name+" was restored", err)
}

// unrecorded is the error of a call that did what it should, but could not end it on the
// board, where the operation stays: whoever next wants the worktree ends it.
func unrecorded(done string, err error) error {
	if err == nil {
		return nil
	}
	e := state.Errorf(state.CodeOf(err), "see to what failed, such as a full disk; the next call about the worktree ends it", "%s, but that could not be put on the board", done)
	var board *state.Error
	if e.Err = err; errors.As(err, &board) && board.Err != nil {
		e.Err = board.Err
	}
	return e
}

// planRestore reads what the board once knew of the worktree. The snapshot may
// have been made by hand: nothing of it is used unchecked.
func (b *Board) planRestore(in WorktreeRestoreIn, s git.Snapshot) (state.Intent, error) {
	var meta snapshotMeta
	if json.Unmarshal(s.Meta, &meta) != nil || meta.Name == "" {
		meta = snapshotMeta{Name: filepath.Base(s.Path)}
	}
	if path := b.Git.RestoredFrom(s.ID); path != "" && in.Name == "" {
		return state.Intent{}, state.Errorf(state.AlreadyExists, "work there; to have a second copy pass a name of its own",
			"snapshot %s was restored already: %s", s.ID, path).With("path", path)
	}
	name := in.Name
	if name == "" {
		name = meta.Name
	}
	if err := state.CheckName(name); err != nil {
		return state.Intent{}, err
	}
	return state.Intent{Kind: state.IntentRestore, Name: name, Path: b.worktreePath(name), Branch: meta.Branch, BaseRef: meta.BaseRef,
		BaseCommit: meta.BaseCommit, Adopted: meta.Adopted, TaskID: meta.TaskID, Snapshot: s.ID, Actor: b.Actor}, nil
}

// reserveRestore takes the name on the board, and the task if it is there for
// the taking; note says why not.
func (b *Board) reserveRestore(ctx context.Context, op *state.Operation, plan *state.Intent, claim state.Token) (note string, err error) {
	wanted := plan.TaskID
	err = b.updateFree(ctx, plan.Name, wanted, func(tx *state.Tx) error {
		plan.TaskID, note = wanted, ""
		if wanted != nil {
			if note, err = b.unavailable(&tx.View, *wanted, plan.Name, claim); err != nil {
				return err
			}
			if note != "" {
				plan.TaskID = nil
			}
		}
		if err := b.free(tx, state.Intent{Name: plan.Name, Path: plan.Path}, state.Token{}); err != nil {
			return elsewhere(*plan, err)
		}
		*plan = tx.PutIntent(op, *plan)
		return nil
	}, nil)
	return note, err
}

// elsewhere points from a name that is taken to another one.
func elsewhere(plan state.Intent, err error) error {
	var taken *state.Error
	if errors.As(err, &taken) && taken.Code == state.AlreadyExists {
		taken.Hint = fmt.Sprintf(`to have it beside that, call worktree_restore {"snapshot":%q,"name":"NEW-NAME"}`, plan.Snapshot)
	}
	return err
}

// unavailable says why a task is not bound to a worktree that comes back.
func (b *Board) unavailable(v *state.View, id int, name string, claim state.Token) (string, error) {
	t, err := v.Task(id)
	switch {
	case err != nil:
		return fmt.Sprintf("its task %d is gone", id), nil
	case !t.Status.Open():
		return fmt.Sprintf("its task %d is %s: not bound", id, t.Status), nil
	case t.Worktree != "" && !strings.EqualFold(t.Worktree, name):
		return fmt.Sprintf("its task %d has worktree %s by now: not bound", id, t.Worktree), nil
	}
	_, err = b.rules().Look(v, id, claim)
	if err != nil && !claim.IsZero() {
		return "", err
	}
	if err = cmp.Or(err, rules.Startable(v, t)); err != nil {
		return fmt.Sprintf("%v: not bound", err), nil
	}
	return "", nil
}

func restoreOf(plan state.Intent, op *state.Operation) git.Restore {
	rs := git.Restore{Snapshot: plan.Snapshot, Path: plan.Path, Branch: branchOf(plan.Name), Op: plan.ID, Since: state.Time(plan.At)}
	if op != nil {
		rs.Inherit = append(rs.Inherit, op.File())
	}
	return rs
}

// restored puts the worktree back on the board.
func (b *Board) restored(ctx context.Context, op *state.Operation, plan state.Intent, back git.Restored) (out WorktreeRestoreOut, err error) {
	var w state.Worktree
	err = b.update(ctx, func(tx *state.Tx) (err error) {
		w = state.Worktree{Name: plan.Name, Path: plan.Path, Branch: back.Branch, Status: state.Active, CreatedAt: tx.At(),
			BaseRef: plan.BaseRef, BaseCommit: plan.BaseCommit, Adopted: plan.Adopted, TaskID: plan.TaskID}
		if back.Snapshot.Detached { // as the board had it while it was so
			if w.Branch, err = unusedBranch(tx, plan.Branch); err != nil {
				return err
			}
		}
		tx.DropIntent(op)
		e := restoreEvent(plan, nil)
		if w, e.Detail, err = rules.Register(tx, w, plan.Interrupted); err != nil {
			return err
		}
		e.Worktree["branch"], e.Worktree["status"] = w.Branch, w.Status
		tx.Emit(e)
		return nil
	})
	out = WorktreeRestoreOut{w, restoration{Snapshot: plan.Snapshot, From: "snapshot", BranchOutcome: branchOutcome(back), Notes: someFiles(back.Notes)}}
	if back.FromTrash {
		out.From = "trash"
	}
	return out, err
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

func branchOutcome(back git.Restored) string {
	switch {
	case back.Branch == back.Snapshot.Branch, back.Snapshot.Detached:
		return "same"
	case back.Branch == "":
		return "detached"
	}
	return "new"
}

// recoverRestore finishes a restore that got to its end but for the board, and
// takes back any other.
func (b *Board) recoverRestore(ctx context.Context, op *state.Operation, in state.Intent) error {
	back, err := b.Git.FinishRestore(ctx, restoreOf(in, op))
	if err == nil {
		_, err = b.restored(ctx, op, in, back)
		return err
	}
	if undo := b.Git.UndoRestore(ctx, restoreOf(in, op)); undo != nil && !errors.Is(undo, git.ErrBranchMoved) {
		return gitError("undo the interrupted restore of "+in.Name, undo)
	}
	return b.forget(ctx, op, restoreEvent(in, fmt.Errorf("interrupted: %s died, %w", in.Holder, err)))
}

func restoreEvent(plan state.Intent, cause error) state.Event {
	e := state.Event{Event: "worktree.restore", Actor: plan.Actor, Task: rules.TaskFields(plan.TaskID),
		Worktree: state.Fields{"name": plan.Name, "path": plan.Path, "snapshot": plan.Snapshot}}
	if cause != nil {
		e.Error = cause.Error()
	}
	return e
}

// unknownSnapshot lists the newest snapshots there are.
func (b *Board) unknownSnapshot(ctx context.Context, id string, cause error) error {
	if !errors.Is(cause, git.ErrNoSnapshot) && !errors.Is(cause, git.ErrInvalidName) {
		return gitError("find snapshot", cause)
	}
	list, err := b.Git.Snapshots(ctx)
	if err != nil {
		return gitError("list snapshots", err)
	}
	known := []string{}
	for _, s := range list[:min(len(list), 8)] {
		var meta snapshotMeta
		if json.Unmarshal(s.Meta, &meta) != nil || meta.Name == "" {
			meta.Name = filepath.Base(s.Path)
		}
		known = append(known, fmt.Sprintf("%s (%s, taken %s)", s.ID, state.Visible(state.Clip(meta.Name, 40)), s.At.Format(time.RFC3339)))
	}
	hint := "there are none yet: worktree_snapshot takes one, and worktree_remove does"
	if len(known) > 0 {
		hint = "pass one of the newest: " + strings.Join(known, ", ")
	}
	return state.Errorf(state.NotFound, hint, "there is no snapshot %q", state.Clip(id, 60)).With("snapshots", known)
}

// restoreError says in the contract's terms why nothing came back.
func restoreError(plan state.Intent, err error) error {
	what := ""
	var refused *git.Refused
	if errors.As(err, &refused) {
		what = state.Visible(strings.Join(refused.What, ", "))
	}
	again := fmt.Sprintf(`worktree_restore {"snapshot":%q,"name":"NEW-NAME"}`, plan.Snapshot)
	switch {
	case errors.Is(err, git.ErrPathExists), errors.Is(err, git.ErrRegistered):
		return state.Errorf(state.AlreadyExists, "call "+again, "there is something at %s", what).With("path", what)
	case errors.Is(err, git.ErrBranchExists):
		return state.Errorf(state.AlreadyExists, "rename branch "+what+", then repeat the call",
			"the worktree was on branch %s before that had a commit, and by now there is such a branch", what).With("branch", what)
	}
	return cmp.Or(unusable(plan.Name, err), gitError("restore worktree "+plan.Name, err))
}

func (out WorktreeRestoreOut) text() string {
	text := lines(WorktreeLine(out.Worktree), fmt.Sprintf("restored from the %s; branch: %s", out.From, out.BranchOutcome))
	for _, note := range out.Notes {
		text = lines(text, "note: "+note)
	}
	return text
}
