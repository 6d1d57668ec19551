package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func taskClaim() Tool {
	return define(Tool{
		Name:  "task_claim",
		Title: "Claim a task",
		Description: "Take a task for yourself alone: task_id, or the best ready one. Keep the claim it returns and pass it to the calls " +
			"that change the task or its worktree; each renews the lease. With claim: renew, hand over to owner, or release.",
		Set:  Default,
		Core: true,
		Quiet: []string{"lease_expires_at", "task.lease_expires_at", "task.status", "task.attempts.claim", "task.attempts.claimed_at", "task.attempts.ended_at", "task.notes.at",
			"worktree.task_id", "worktree.status", "worktree.base_ref", "worktree.base_commit", "worktree.included.cloned", "worktree.included.skipped",
			"worktree.setup.main_checkout_changes", "worktree.setup.next_offset"},
	}, (*Board).TaskClaim, TaskClaimOut.text, TaskClaimOut.next)
}

// TaskClaimIn are the arguments of task_claim.
type TaskClaimIn struct {
	TaskID       int         `json:"task_id,omitempty" jsonschema:"default: the best ready task" min:"1"`
	Owner        string      `json:"owner,omitempty" jsonschema:"your name; with claim: whom to hand over to"`
	Label        string      `json:"label,omitempty" jsonschema:"only a task with this label"`
	LeaseSeconds float64     `json:"lease_seconds,omitempty" jsonschema:"default 900" min:"0.1" max:"86400"`
	Claim        state.Token `json:"claim,omitzero" jsonschema:"yours, to renew it"`
	Release      bool        `json:"release,omitempty" jsonschema:"give the task back"`
	Worktree     string      `json:"worktree,omitempty" jsonschema:"its worktree too, made or taken over: auto, or a name"`
}

// TaskClaimOut is the task with the right to it. Claim is empty once released.
type TaskClaimOut struct {
	Task           state.Task    `json:"task"`
	Claim          string        `json:"claim,omitempty" jsonschema:"secret: pass it to calls that change this task or its worktree"`
	LeaseExpiresAt float64       `json:"lease_expires_at,omitempty" jsonschema:"unless renewed"`
	LeaseLeft      int           `json:"lease_seconds_left,omitempty"`
	Worktree       *Lane         `json:"worktree,omitempty" jsonschema:"where to work, if it was asked for"`
	Problem        string        `json:"problem,omitempty" jsonschema:"why there is no worktree; the claim holds all the same"`
	Warning        string        `json:"warning,omitempty"`
	Overlaps       []Overlapping `json:"overlaps,omitempty" jsonschema:"worktrees that change the same, as last seen: see worktree_conflicts"`

	renewed bool
	retry   string // the worktree that was asked for and not made
	cut     bool   // there is more of the task
}

// strikes is how many lost holders a task has before the next one is warned.
const strikes = 3

// TaskClaim gives a task to exactly one caller, or renews, hands over or gives
// back what the caller has. Tasks whose worktree operation was cut short by a death
// are ready once that is recovered: at once where no other task is.
func (b *Board) TaskClaim(ctx context.Context, in TaskClaimIn) (TaskClaimOut, error) {
	out, err := b.taskClaim(ctx, in)
	best := in.TaskID == 0 && in.Claim.IsZero() && !in.Release
	if best && state.CodeOf(err) == state.NotFound && b.ops().RecoverDead(ctx) {
		out, err = b.taskClaim(ctx, in)
	}
	if err == nil && in.Worktree != "" {
		b.withLane(ctx, in, &out)
	}
	return out, err
}

func (b *Board) taskClaim(ctx context.Context, in TaskClaimIn) (out TaskClaimOut, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	if err := b.prime(ctx, in.Claim.IsZero() && !in.Release); err != nil {
		return out, err
	}
	var given rules.Given
	err = b.ops().Clear(ctx, "", in.subject(), func(tx *state.Tx) (err error) {
		given, err = in.do(b.rules(), tx)
		return err
	})
	if err != nil {
		return out, err
	}
	b.heldNow(in, given)
	out = TaskClaimOut{Task: fitTask(given.Task, smallResult), Claim: given.Token.String(), LeaseExpiresAt: given.ExpiresAt,
		LeaseLeft: secondsUntil(given.ExpiresAt, b.State.Now()), renewed: !in.Claim.IsZero() && !given.Passed}
	if out.Task.Worktree != "" && !in.Release {
		_ = b.State.View(ctx, func(v *state.View) error { // the claim is given, whatever this says
			out.Overlaps = overlapping(v, out.Task.Worktree, v.Overlaps())
			return nil
		})
	}
	if n := given.Task.LostHolders(); n >= strikes && !in.Release {
		out.Warning = fmt.Sprintf("%d holders lost this task before you: read its notes and attempts, and what is in its worktree, before you go on", n)
	}
	return out, nil
}

func (in TaskClaimIn) check() error {
	if err := checkLine("owner", in.Owner, maxOwner); err != nil {
		return err
	}
	if in.Release && in.Claim.IsZero() && in.TaskID == 0 {
		return state.Invalid("claim", "pass the claim that task_claim gave you", "is needed to release a task")
	}
	if in.Release && in.Worktree != "" {
		return state.Invalid("worktree", "leave one of them out", "cannot go with release")
	}
	if in.Worktree != "" {
		return ofArgument("worktree", state.CheckName(in.Worktree))
	}
	return nil
}

// do is what the call asks for: to take a task, or to give back, renew or hand over
// what the caller has.
func (in TaskClaimIn) do(law rules.Rules, tx *state.Tx) (given rules.Given, err error) {
	want := rules.Wish{Task: in.TaskID, Label: in.Label, Owner: in.Owner, Lease: in.LeaseSeconds}
	switch {
	case in.Release:
		given.Task, err = law.Release(tx, in.TaskID, in.Claim)
		return given, err
	case !in.Claim.IsZero():
		return law.Renew(tx, in.Claim, want)
	}
	return law.Claim(tx, want)
}

// heldNow notes what the caller has by now.
func (b *Board) heldNow(in TaskClaimIn, given rules.Given) {
	if !given.Token.IsZero() && !given.Passed {
		b.Held.Remember(given.Token)
		b.tendAnew()
	}
	if in.Release {
		b.Held.Forget(b.Held.Of(given.Task.ID))
	}
}

// subject is the task that must be free of operations that go on: the one to take
// or to give back. Renewing disturbs none.
func (in TaskClaimIn) subject() *int {
	switch {
	case !in.Claim.IsZero() && !in.Release && in.Owner == "":
		return nil
	case in.TaskID != 0:
		return &in.TaskID
	case in.Claim.IsZero():
		return nil
	}
	return &in.Claim.Task
}

// withLane completes a claim with its worktree, and says what stands where there is
// none: the claim, in any case.
func (b *Board) withLane(ctx context.Context, in TaskClaimIn, out *TaskClaimOut) {
	claim, err := state.ParseToken(out.Claim)
	var l Lane
	if err == nil {
		l, err = b.laneFor(ctx, out.Task, in.Worktree, claim)
	}
	if err != nil {
		out.Problem, out.retry = problem(err), in.Worktree
		if code := state.CodeOf(err); code == state.Conflict || code == state.AlreadyExists {
			out.retry = autoLane
		}
	} else {
		out.Worktree = &l
		if l.Name != in.Worktree && in.Worktree != autoLane {
			out.Warning = strings.TrimPrefix(out.Warning+"; the task has worktree "+l.Name+" already, not "+state.Visible(in.Worktree), "; ")
		}
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	if err := b.State.View(ctx, func(v *state.View) (err error) {
		now, err := v.Task(out.Task.ID)
		if err == nil {
			out.Task, out.Overlaps = now, overlapping(v, now.Worktree, v.Overlaps())
		}
		return err
	}); err != nil {
		b.Log.Warn("read the task anew", "error", err)
	}
	out.LeaseExpiresAt = max(out.LeaseExpiresAt, out.Task.LeaseExpiresAt)
	out.LeaseLeft = secondsUntil(out.LeaseExpiresAt, b.State.Now())
	out.Task, out.cut = inShort(out.Task)
}

func (out TaskClaimOut) text() string {
	if out.Claim == "" {
		return state.Lines(taskText(out.Task), "released")
	}
	text := state.Lines(taskText(out.Task), fmt.Sprintf("claim=%s until %s (%s)", out.Claim, state.Clock(out.LeaseExpiresAt), inTime(out.LeaseLeft)))
	if len(out.Overlaps) > 0 {
		text = state.Lines(text, overlapText(out.Overlaps))
	}
	if out.Worktree != nil {
		text = state.Lines(text, out.Worktree.text())
	}
	return state.Lines(text, tail("NO WORKTREE, but the claim holds: ", out.Problem), tail("WARNING: ", out.Warning))
}

// next says what a claim is for, and where the work is to be done.
func (out TaskClaimOut) next() []Step {
	if out.Claim == "" {
		return nil
	}
	var steps []Step
	if !out.renewed {
		steps = append(steps, Step{Why: fmt.Sprintf("pass claim to calls that change task %d or its worktree; each renews it", out.Task.ID)})
	}
	if out.cut {
		steps = append(steps, Step{"read all of it", "task_get", state.Fields{"task_id": out.Task.ID}})
	}
	switch {
	case out.Worktree != nil:
		steps = append(steps, out.Worktree.next()...)
	case out.retry != "":
		steps = append(steps, Step{"try the worktree again", "task_claim", state.Fields{"claim": out.Claim, "worktree": out.retry}})
	case out.Task.Worktree == "" && !out.renewed:
		steps = append(steps, Step{"make its worktree", "worktree_create", state.Fields{"name": laneName(out.Task), "task_id": out.Task.ID}})
	}
	return steps
}
