package runs

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
	"wt-mcp/tools/runner"
)

// tellStart puts the start of a run on the board while it runs already.
func (r Runner) tellStart(run runner.Record, may admission) <-chan error {
	told := make(chan error, 1)
	r.background.Go(func() {
		ctx, cancel := lasting(context.Background())
		defer cancel()
		err := r.Clear(ctx, run.Worktree, nil, func(tx *state.Tx) error {
			if err := may(tx, run); err != nil {
				return err
			}
			tx.Emit(runEvent(state.WorktreeRunStarted, run))
			return nil
		})
		if err != nil {
			err = errors.Join(err, r.Change(ctx, func(tx *state.Tx) error {
				e := runEvent(state.WorktreeRunStarted, run)
				e.Error = err.Error()
				tx.Emit(e)
				return nil
			}))
		}
		told <- err
	})
	return told
}

// tellEnd puts the end of a run on the board, with what changed in the main
// checkout meanwhile, which it notes on the record too. Where somebody may have done so
// already, the log says whether.
func (r *Runs) tellEnd(run *runner.Record, doubt bool) error {
	if run.Worktree == "" { // a check: the landing that it is for tells it
		return nil
	}
	ctx, cancel := lasting(context.Background())
	defer cancel()
	r.findEscapes(ctx, run)
	return r.State.Update(ctx, func(tx *state.Tx) error {
		if err := rules.LeaveRun(tx, run.Task, run.ID); err != nil {
			return err
		}
		names := []state.EventName{state.WorktreeRunFinished}
		if doubt {
			var err error
			if names, err = untold(&tx.View, *run); err != nil {
				return err
			}
		}
		for _, name := range names {
			tx.Emit(runEvent(name, *run))
		}
		return nil
	})
}

// admission decides, as its start is told, whether a run may go on in its worktree.
type admission func(*state.Tx, runner.Record) error

// claiming is the admission of a call that passed a claim, or none.
func (r Runner) claiming(claim state.Token) admission {
	return func(tx *state.Tx, run runner.Record) error {
		if run.Task == 0 {
			return nil
		}
		_, err := r.Rules.Enter(tx, run.Task, claim)
		switch {
		case state.CodeOf(err) == state.NotFound:
			return nil
		case err != nil:
			return err
		}
		rules.KeepAlive(tx, run.Task, run.ID)
		return nil
	}
}

// keepIfLive is the admission of a run that nobody asked for: a claim whose lease is
// over stays so.
func (r Runner) keepIfLive(tx *state.Tx, run runner.Record) error {
	return r.Rules.KeepIfLive(tx, run.Task, run.ID)
}

// untold finds what the event log does not have of a run.
func untold(v *state.View, r runner.Record) (missing []state.EventName, err error) {
	all := []state.EventName{state.WorktreeRunStarted, state.WorktreeRunFinished}
	found, _, err := v.Events(state.EventQuery{Limit: 2, Words: []string{r.ID}, Match: func(e state.Event) bool {
		return slices.Contains(all, e.Event) && e.Detail["run_id"] == r.ID
	}})
	for _, name := range all {
		if !slices.ContainsFunc(found, func(e state.Event) bool { return e.Event == name }) {
			missing = append(missing, name)
		}
	}
	return missing, err
}

func runEvent(name state.EventName, r runner.Record) state.Event {
	e := state.Event{Event: name, Actor: r.Actor, Worktree: state.Fields{"name": r.Worktree, "path": r.Path},
		Detail: state.Fields{"run_id": r.ID}}
	if r.Task > 0 {
		e.Task = state.Fields{"id": r.Task}
	}
	if name == state.WorktreeRunStarted {
		e.Detail["command"], e.Detail["background"] = state.Clip(r.Command, 120), r.Background
		return e
	}
	e.Detail["status"], e.Detail["exit_code"], e.Detail["duration_seconds"] = r.Status, r.ExitCode, math.Round(r.Duration*1e3)/1e3
	if r.Cause != "" {
		e.Detail["cause"] = r.Cause
	}
	if len(r.MainChanges) > 0 {
		e.Detail["main_checkout_changes"] = r.MainChanges
	}
	return e
}

// SettleOld has told, behind the calls, what dead processes left untold, and sweeps old
// logs and the temporary files of git calls.
func (r *Runs) SettleOld() {
	r.background.Go(func() {
		r.Jobs.Settle()
		if set, err := r.Config.Load(); err == nil {
			r.Jobs.Sweep(time.Now(), set.KeepLogs, set.KeepBytes)
		}
		r.Git.SweepScratch(time.Now())
	})
}
