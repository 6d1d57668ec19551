package tools

import (
	"context"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func worktreeKeep() Tool {
	return define(Tool{
		Name:        "worktree_keep",
		Title:       "Keep a worktree",
		Description: "Close a worktree out without removing it: directory and branch stay, marked as kept.",
		Set:         Default,
		Quiet:       []string{"base_ref", "base_commit", "closeout", "kept_at"},
		Idempotent:  true,
	}, (*Board).WorktreeKeep, WorktreeLine)
}

// WorktreeKeepIn are the arguments of worktree_keep.
type WorktreeKeepIn struct {
	Name         string      `json:"name"`
	Reason       string      `json:"reason,omitempty" jsonschema:"why it is kept"`
	CompleteTask bool        `json:"complete_task,omitempty" jsonschema:"also complete its task"`
	Claim        state.Token `json:"claim,omitzero"`
}

// WorktreeKeep marks a worktree as kept.
func (b *Board) WorktreeKeep(ctx context.Context, in WorktreeKeepIn) (w state.Worktree, err error) {
	if err := checkText("reason", in.Reason); err != nil {
		return w, err
	}
	if _, err := b.entry(ctx, in.Name); err != nil { // the board is told where it is
		return w, err
	}
	if err := b.prime(ctx, in.CompleteTask); err != nil {
		return w, err
	}
	err = b.ops().Clear(ctx, in.Name, nil, func(tx *state.Tx) error {
		if w, err = rules.Live(&tx.View, in.Name); err != nil {
			return err
		}
		if err := b.rules().EnterWorktree(tx, w, in.Claim); err != nil {
			return err
		}
		end := &state.Closeout{Action: "keep", Reason: in.Reason, At: tx.At()}
		if in.CompleteTask {
			if err := b.rules().CompleteTaskOf(tx, w, end); err != nil {
				return err
			}
		}
		w.Status, w.KeptAt, w.Closeout = state.Kept, tx.At(), end
		tx.PutWorktree(w)
		tx.Emit(state.Event{Event: state.WorktreeKeep, Actor: b.Actor, Task: rules.TaskFields(w.TaskID),
			Worktree: state.Fields{"name": w.Name, "path": w.Path, "status": w.Status}})
		return nil
	})
	return fitWorktree(w), err
}
