package runs

import (
	"context"
	"errors"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/runner"
)

// CheckID refuses what is no id of a run.
func CheckID(id string) error {
	if runner.IsID(id) {
		return nil
	}
	return state.Invalid("run_id", "take it from the answer of worktree_run or from worktree_status", "%q is not the id of a run", state.Visible(state.Clip(id, 40)))
}

// Error says in the contract's terms why a command was not run.
func Error(err error) error {
	var known *state.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, runner.ErrNUL), errors.Is(err, runner.ErrTooLong):
		return state.Invalid("command", "put long scripts into a file of the worktree and run that", "%v", err)
	case errors.Is(err, runner.ErrNoDir):
		return state.Errorf(state.NotFound, "call worktree_list", "run command: %v", err)
	case errors.Is(err, runner.ErrBusy):
		return state.Errorf(state.Busy, "nothing was started; repeat the call when others have ended, see worktree_status, or call run_stop", "%v", err)
	case errors.Is(err, runner.ErrUnknown):
		return state.Errorf(state.NotFound, "worktree_status lists the runs of a worktree", "%v", err).With("argument", "run_id")
	case errors.Is(err, context.Canceled):
		return &state.Error{Code: state.Cancelled, Message: "the call was cancelled before the command was started"}
	}
	if errors.Is(err, runner.ErrNoProc) {
		return &state.Error{Code: state.Internal, Message: "run command", Err: err, Hint: "nothing was started; mount it where the server is: mount -t proc proc /proc"}
	}
	code, hint, ok := ops.Remedy(err)
	if !ok {
		return &state.Error{Code: state.Internal, Message: "run command", Err: err}
	}
	return &state.Error{Code: code, Message: "run command", Err: err, Hint: "nothing was started; " + hint}
}
