package tools

import (
	"context"
	"path/filepath"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
)

// lane is the registry entry of a worktree that lies where the board puts them,
// on a branch of a name that the board gives.
func (b *Board) lane(t git.Worktree) (state.Worktree, bool) {
	name, ours := strings.CutPrefix(t.Branch, ops.BranchOf(""))
	ours = ours && filepath.Dir(t.Path) == b.worktreesDir() && state.CheckName(name) == nil
	return state.Worktree{Name: name, Path: t.Path, Branch: t.Branch, Status: state.Active}, ours
}

// reenter writes an entry as git has it, and tells.
func (b *Board) reenter(ctx context.Context, event state.EventName, w state.Worktree) error {
	return b.update(ctx, func(tx *state.Tx) error {
		if old, ok, err := tx.Worktree(w.Name); err != nil {
			return err
		} else if ok && old.Live() {
			w.TaskID = old.TaskID
		} else {
			w.CreatedAt = tx.At()
			if err := adoptTask(tx, &w); err != nil {
				return err
			}
		}
		tx.PutWorktree(w)
		tx.Emit(state.Event{Event: event, Actor: b.Actor, Task: rules.TaskFields(w.TaskID),
			Worktree: state.Fields{"name": w.Name, "path": w.Path, "branch": w.Branch, "status": w.Status}})
		return nil
	})
}

// adoptTask binds an entry that is written anew to the open task that names it.
func adoptTask(tx *state.Tx, w *state.Worktree) error {
	tasks, err := tx.Tasks()
	if err != nil {
		return err
	}
	for _, t := range tasks.All {
		if strings.EqualFold(t.Worktree, w.Name) && t.Status.Open() {
			id := t.ID
			w.TaskID = &id
			break
		}
	}
	return nil
}

// rebuildIndex keeps a registry that cannot be read aside, and writes it anew
// from what git and the tasks know.
func (b *Board) rebuildIndex(ctx context.Context) error {
	trees, err := b.Git.Worktrees(ctx)
	if err != nil {
		return ops.GitError("list worktrees", err)
	}
	return b.State.Update(ctx, func(tx *state.Tx) error {
		kept, err := tx.SetIndexAside()
		if err != nil {
			return err
		}
		for _, t := range trees {
			w, ours := b.lane(t)
			if !ours || t.BeingAdded() {
				continue
			}
			w.CreatedAt = tx.At()
			if err := adoptTask(tx, &w); err != nil {
				return err
			}
			tx.PutWorktree(w)
		}
		tx.Emit(state.Event{Event: state.RecoveryIndex, Actor: b.Actor, Detail: state.Fields{"kept": kept}})
		return nil
	})
}

func (b *Board) setTask(ctx context.Context, name string, task *int) error {
	return b.update(ctx, func(tx *state.Tx) error {
		w, err := rules.Live(&tx.View, name)
		if err != nil {
			return err
		}
		w.TaskID = task
		tx.PutWorktree(w)
		tx.Emit(state.Event{Event: state.RecoveryBinding, Actor: b.Actor, Task: rules.TaskFields(task), Worktree: state.Fields{"name": name}})
		return nil
	})
}
