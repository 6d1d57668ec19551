package tools

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
	"wt-mcp/tools/runner"
)

// progressPause is the least time between two words of progress.
const progressPause = 250 * time.Millisecond

// follow waits for the end of a run, or for news where that is not nil, and says
// meanwhile how it goes.
func (b *Board) follow(ctx context.Context, id string, d time.Duration, news func() bool) {
	deadline, began := time.Now().Add(d), time.Now()
	for {
		left := time.Until(deadline)
		if left <= 0 || ctx.Err() != nil {
			return
		}
		if b.Progress == nil {
			b.Jobs.Wait(ctx, id, left, news)
			return
		}
		b.Jobs.Wait(ctx, id, min(left, progressPause), news)
		r, err := b.Jobs.Get(id)
		if err != nil || r.Over() && !b.Jobs.Going(id) || ctx.Err() != nil || news != nil && news() {
			return
		}
		if log, err := b.Jobs.Log(r); err == nil {
			line := state.Clip(state.Visible(log.LastLine()), 200)
			b.Progress(time.Since(began).Seconds(), strings.TrimSpace(fmt.Sprintf("%.0f s %s", r.Seconds(time.Now()), line)))
		}
	}
}

// runOut is a run as it stands, with the beginning and the end of its output.
func (b *Board) runOut(id string) (RunOut, error) {
	r, err := b.Jobs.Get(id)
	if err != nil {
		return RunOut{}, runError(err)
	}
	log, err := b.Jobs.Log(r)
	if err != nil {
		return RunOut{}, err
	}
	brief, err := log.Brief(id, smallResult)
	if err != nil {
		return RunOut{}, err
	}
	out := RunOut{RunID: id, Worktree: r.Worktree, Status: r.Status, Output: brief.Text, OutputBytes: brief.Size,
		Truncated: brief.Truncated, NextOffset: brief.Next, DurationSeconds: r.Seconds(time.Now()), Log: b.Jobs.LogPath(id),
		Containment: r.Containment, Cause: r.Cause, LeftRunning: r.LeftRunning, Survivors: r.Survivors, EnvDropped: r.EnvDropped,
		MainCheckoutChanges: r.MainChanges, warning: escapeWarning(r)}
	if r.MainUnseen {
		out.Notes = append(out.Notes, unseenNote)
	}
	if r.Over() {
		out.ExitCode, out.OutputBytes = &r.ExitCode, r.OutputBytes
	}
	return out, nil
}

func (out RunOut) text() string {
	text := statusLine(out.RunID, out.Status, out.ExitCode, out.DurationSeconds)
	if out.Cause != "" {
		text += ": " + state.Visible(out.Cause)
	}
	if out.Truncated {
		text += fmt.Sprintf(", %d bytes of output cut to head and tail", out.OutputBytes)
	}
	if len(out.LeftRunning) > 0 {
		text += "\nleft running and ended: " + join(out.LeftRunning) + " (use background for servers)"
	}
	if len(out.Survivors) > 0 {
		text += "\nCOULD NOT BE ENDED: " + join(out.Survivors)
	}
	if out.warning != "" {
		text += "\n" + out.warning
	}
	if len(out.EnvDropped) > 0 {
		text += "\nvariables not passed on: " + join(out.EnvDropped)
	}
	for _, note := range out.Notes {
		text += "\nnote: " + note
	}
	if out.Status == runner.Running {
		text += fmt.Sprintf("\nfollow it: run_output {\"run_id\":%q,\"offset\":%d,\"wait_seconds\":30}", out.RunID, out.NextOffset)
	}
	if out.Output == "" {
		return text + "\n(no output)"
	}
	return text + "\n" + strings.TrimRight(out.Output, "\n")
}

func statusLine(id string, status runner.Status, code *int, seconds float64) string {
	if code == nil {
		return fmt.Sprintf("%s, %.2f s, run %s", status, seconds, id)
	}
	return fmt.Sprintf("%s, exit code %d, %.2f s, run %s", status, *code, seconds, id)
}

// tellStart puts the start of a run on the board while it runs already.
func (b *Board) tellStart(r runner.Record, may admission) <-chan error {
	told := make(chan error, 1)
	b.shared.background.Go(func() {
		ctx, cancel := lasting(context.Background())
		defer cancel()
		err := b.ops().Clear(ctx, r.Worktree, nil, func(tx *state.Tx) error {
			if err := may(tx, r); err != nil {
				return err
			}
			tx.Emit(runEvent(state.WorktreeRunStarted, r))
			return nil
		})
		if err != nil {
			err = errors.Join(err, b.update(ctx, func(tx *state.Tx) error {
				e := runEvent(state.WorktreeRunStarted, r)
				e.Error = err.Error()
				tx.Emit(e)
				return nil
			}))
		}
		told <- err
	})
	return told
}

// endRefused ends a run that the board did not take, and says how far it got.
func (b *Board) endRefused(ctx context.Context, id string, cause error) error {
	ctx, cancel := lasting(ctx)
	defer cancel()
	r, err := b.Jobs.Stop(ctx, id, "the board refused it")
	var refused *state.Error
	if err != nil || !errors.As(cause, &refused) {
		return errors.Join(cause, err)
	}
	e, end := *refused, "was ended"
	if r.Status == runner.Exited {
		end = fmt.Sprintf("went to its end, exit code %d,", r.ExitCode)
	}
	e.Message += fmt.Sprintf("; the command had begun by then and %s after %.2f s: what it did stays, see run_output %s", end, r.Duration, id)
	return e.With("run_id", id)
}

// TellEnd puts the end of a run on the board, with what changed in the main
// checkout meanwhile, which it notes on the record too. Where somebody may have done so
// already, the log says whether.
func (b *Board) TellEnd(r *runner.Record, doubt bool) error {
	ctx, cancel := lasting(context.Background())
	defer cancel()
	b.findEscapes(ctx, r)
	return b.State.Update(ctx, func(tx *state.Tx) error {
		if err := rules.LeaveRun(tx, r.Task, r.ID); err != nil {
			return err
		}
		names := []state.EventName{state.WorktreeRunFinished}
		if doubt {
			var err error
			if names, err = untold(&tx.View, *r); err != nil {
				return err
			}
		}
		for _, name := range names {
			tx.Emit(runEvent(name, *r))
		}
		return nil
	})
}

// admission decides, as its start is told, whether a run may go on in its worktree.
type admission func(*state.Tx, runner.Record) error

// claiming is the admission of a call that passed a claim, or none.
func (b *Board) claiming(claim state.Token) admission {
	return func(tx *state.Tx, r runner.Record) error {
		if r.Task == 0 {
			return nil
		}
		_, err := b.rules().Enter(tx, r.Task, claim)
		switch {
		case state.CodeOf(err) == state.NotFound:
			return nil
		case err != nil:
			return err
		}
		rules.KeepAlive(tx, r.Task, r.ID)
		return nil
	}
}

// keepIfLive is the admission of a run that nobody asked for: a claim whose lease is
// over stays so.
func (b *Board) keepIfLive(tx *state.Tx, r runner.Record) error {
	return b.rules().KeepIfLive(tx, r.Task, r.ID)
}

// untold finds what the event log does not have of a run.
func untold(v *state.View, r runner.Record) (missing []state.EventName, err error) {
	all := []state.EventName{state.WorktreeRunStarted, state.WorktreeRunFinished}
	found, _, err := v.Events(state.EventQuery{Limit: 2, Match: func(e state.Event) bool {
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

// SettleRuns has told what dead processes left untold, and sweeps old logs and the
// temporary files of git calls.
func (b *Board) SettleRuns() {
	b.shared.background.Go(func() {
		b.Jobs.Settle()
		if set, err := b.Config.Load(); err == nil {
			b.Jobs.Sweep(time.Now(), set.KeepLogs, set.KeepBytes)
		}
		b.Git.SweepScratch(time.Now())
	})
}

func checkRunID(id string) error {
	if runner.IsID(id) {
		return nil
	}
	return invalid("run_id", "take it from the answer of worktree_run or from worktree_status", "%q is not the id of a run", state.Visible(state.Clip(id, 40)))
}

func runError(err error) error {
	var known *state.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, runner.ErrNUL), errors.Is(err, runner.ErrTooLong):
		return invalid("command", "put long scripts into a file of the worktree and run that", "%v", err)
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
