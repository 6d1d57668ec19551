package tools

import (
	"context"

	"wt-mcp/state"
)

func worktreeKeep() Tool {
	return define(Tool{
		Name:        "worktree_keep",
		Title:       "Keep a worktree",
		Description: "Close a worktree out without removing it: directory and branch stay, marked as kept.",
		Set:         Default,
		Idempotent:  true,
	}, (*Board).WorktreeKeep, WorktreeLine)
}

// WorktreeKeepIn are the arguments of worktree_keep.
type WorktreeKeepIn struct {
	Name         string `json:"name"`
	Reason       string `json:"reason,omitempty" jsonschema:"why it is kept"`
	CompleteTask bool   `json:"complete_task,omitempty" jsonschema:"also complete its task"`
	Claim        string `json:"claim,omitempty"`
}

// WorktreeKeep marks a worktree as kept.
func (b *Board) WorktreeKeep(ctx context.Context, in WorktreeKeepIn) (w state.Worktree, err error) {
	if err := checkText("reason", in.Reason); err != nil {
		return w, err
	}
	if err := b.prime(ctx, in.CompleteTask); err != nil {
		return w, err
	}
	err = b.updateFree(ctx, in.Name, nil, func(tx *state.Tx) error {
		if w, err = live(&tx.View, in.Name); err != nil {
			return err
		}
		if err := b.enterWorktree(tx, w, in.Claim); err != nil {
			return err
		}
		end := &state.Closeout{Action: "keep", Reason: in.Reason, At: tx.At()}
		if in.CompleteTask {
			if err := b.completeTaskOf(tx, w, end); err != nil {
				return err
			}
		}
		w.Status, w.KeptAt, w.Closeout = state.Kept, tx.At(), end
		tx.PutWorktree(w)
		tx.Emit(state.Event{Event: "worktree.keep", Actor: b.Actor, Task: taskFields(w.TaskID),
			Worktree: state.Fields{"name": w.Name, "path": w.Path, "status": w.Status}})
		return nil
	}, nil)
	return fitWorktree(w), err
}

// fitWorktree shortens a long reason; the registry has all of it.
func fitWorktree(w state.Worktree) state.Worktree {
	if w.Closeout != nil {
		end := *w.Closeout
		end.Reason = state.Clip(end.Reason, 300)
		w.Closeout = &end
	}
	return w
}

// completeTaskOf completes the task of a worktree, if it has one that is open.
func (b *Board) completeTaskOf(tx *state.Tx, w state.Worktree, end *state.Closeout) error {
	if w.TaskID == nil {
		return nil
	}
	t, err := tx.Task(*w.TaskID)
	if err == nil && t.Status.Open() {
		_, err = b.complete(tx, w, t, t, end)
	}
	return err
}

// complete ends the task of a worktree that is closed out, and tells; old is the
// task as the board has it.
func (b *Board) complete(tx *state.Tx, w state.Worktree, old, t state.Task, end *state.Closeout) (*state.Task, error) {
	t.Status, t.Closeout = state.Completed, end
	t, err := writeTask(tx, t)
	if err != nil {
		return nil, err
	}
	tx.Emit(state.Event{Event: "task.completed", Actor: b.Actor, Worktree: state.Fields{"name": w.Name},
		Task: inEvent(t.ID, t.Subject, t.Status), Detail: withChanges(nil, old, t)})
	return &t, b.tellUnblocked(tx, t.ID)
}

// taskFields is the task of an event about a worktree.
func taskFields(id *int) state.Fields {
	if id == nil {
		return state.Fields{}
	}
	return state.Fields{"id": *id}
}
