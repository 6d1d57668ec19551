package tools

import (
	"context"
	"fmt"
	"slices"

	"wt-mcp/state"
)

func taskClaim() Tool {
	return define(Tool{
		Name:  "task_claim",
		Title: "Claim a task",
		Description: "Take a task for yourself alone: task_id, or the best ready one. Keep the claim it returns and pass it to the calls " +
			"that change the task or its worktree; each renews the lease. With claim: renew, hand over to owner, or release.",
		Set: Default,
	}, (*Board).TaskClaim, TaskClaimOut.text)
}

// TaskClaimIn are the arguments of task_claim.
type TaskClaimIn struct {
	TaskID       int     `json:"task_id,omitempty" jsonschema:"default: the best ready task" min:"1"`
	Owner        string  `json:"owner,omitempty" jsonschema:"your name; with claim: whom to hand over to"`
	Label        string  `json:"label,omitempty" jsonschema:"only a task with this label"`
	LeaseSeconds float64 `json:"lease_seconds,omitempty" jsonschema:"default 900" min:"0.1" max:"86400"`
	Claim        string  `json:"claim,omitempty" jsonschema:"yours, to renew it"`
	Release      bool    `json:"release,omitempty" jsonschema:"give the task back"`
}

// TaskClaimOut is the task with the right to it. Claim is empty once released.
type TaskClaimOut struct {
	Task           state.Task `json:"task"`
	Claim          string     `json:"claim,omitempty" jsonschema:"secret: pass it to calls that change this task or its worktree"`
	LeaseExpiresAt float64    `json:"lease_expires_at,omitempty" jsonschema:"unless renewed"`
	Warning        string     `json:"warning,omitempty"`
}

// defaultLease is how long a claim holds without a sign of its holder.
const defaultLease = 900 // seconds

// strikes is how many lost holders a task has before the next one is warned.
const strikes = 3

// TaskClaim gives a task to exactly one caller, or renews, hands over or gives
// back what the caller has. Tasks whose worktree operation was cut short by a death
// are ready once that is recovered: at once where no other task is.
func (b *Board) TaskClaim(ctx context.Context, in TaskClaimIn) (TaskClaimOut, error) {
	out, err := b.taskClaim(ctx, in)
	if in.TaskID != 0 || in.Claim != "" || in.Release {
		return out, err
	}
	if state.CodeOf(err) == state.NotFound && b.recoverDead(ctx) {
		return b.taskClaim(ctx, in)
	}
	return out, err
}

func (b *Board) taskClaim(ctx context.Context, in TaskClaimIn) (out TaskClaimOut, err error) {
	if err := checkLine("owner", in.Owner, maxOwner); err != nil {
		return out, err
	}
	do := b.claimFree
	switch {
	case in.Release:
		do = b.release
	case in.Claim != "":
		do = b.renew
	}
	if err := b.prime(ctx, in.Claim == "" && !in.Release); err != nil {
		return out, err
	}
	var token state.Token
	id, err := in.subject()
	if err != nil {
		return out, err
	}
	err = b.updateFree(ctx, "", id, func(tx *state.Tx) (err error) {
		out, token, err = do(tx, in)
		return err
	}, nil)
	if err != nil {
		return TaskClaimOut{}, err
	}
	if token.Task != 0 {
		b.shared.tokens.remember(token)
		b.tendAnew()
	}
	if in.Release {
		b.shared.tokens.forget(b.shared.tokens.of(out.Task.ID))
	}
	if n := out.Task.LostHolders(); n >= strikes && !in.Release {
		out.Warning = fmt.Sprintf("%d holders lost this task before you: read its notes and attempts, and what is in its worktree, before you go on", n)
	}
	out.Task = fitTask(out.Task, smallResult)
	return out, nil
}

// subject is the task that must be free of operations that go on: the one to take
// or to give back. Renewing disturbs none.
func (in TaskClaimIn) subject() (*int, error) {
	switch {
	case in.Claim != "" && !in.Release && in.Owner == "":
		return nil, nil
	case in.TaskID != 0:
		return &in.TaskID, nil
	case in.Claim == "":
		return nil, nil
	}
	token, err := state.ParseToken(in.Claim)
	return &token.Task, err
}

// claimFree gives out a task that nobody holds.
func (b *Board) claimFree(tx *state.Tx, in TaskClaimIn) (out TaskClaimOut, token state.Token, err error) {
	var t state.Task
	if in.TaskID != 0 {
		t, err = b.claimable(tx, in)
	} else {
		t, err = b.bestReady(tx, in.Label)
	}
	if err != nil {
		return out, token, err
	}
	return b.give(tx, t, in, "")
}

// claimable is the named task, if it can be taken. Whoever holds it must say so
// with its claim: several agents may share this connection.
func (b *Board) claimable(tx *state.Tx, in TaskClaimIn) (state.Task, error) {
	t, err := tx.Task(in.TaskID)
	if err == nil {
		err = bindable(&tx.View, t)
	}
	if err != nil {
		return t, err
	}
	if in.Label != "" && !slices.Contains(t.Labels, in.Label) {
		return t, state.Errorf(state.Conflict, "leave label out, or choose another task", "task %d has no label %q", t.ID, in.Label).With("task_id", t.ID)
	}
	c, claimed, err := tx.Claim(t.ID)
	if err != nil || !claimed {
		return t, err
	}
	if !b.lapsed(c) {
		return t, b.claimHeld(c)
	}
	if err := b.expire(tx, c); err != nil {
		return t, err
	}
	if t, err = tx.Task(t.ID); err != nil {
		return t, err
	}
	return t, startable(&tx.View, t)
}

// bestReady is the first of the ready tasks, once the leases that are over have
// been ended.
func (b *Board) bestReady(tx *state.Tx, label string) (state.Task, error) {
	claims, err := tx.Claims()
	if err != nil {
		return state.Task{}, err
	}
	for _, c := range claims {
		if b.lapsed(c) {
			if err := b.expireIdle(tx, c); err != nil {
				return state.Task{}, err
			}
		}
	}
	taken, err := b.taken(&tx.View)
	if err != nil {
		return state.Task{}, err
	}
	unfinished, err := tx.Intents()
	if err != nil {
		return state.Task{}, err
	}
	for _, in := range unfinished {
		taken.add(in) // the owner may be dead, but what it made is not recovered yet
	}
	all, err := tx.Tasks()
	if err != nil {
		return state.Task{}, err
	}
	for _, t := range all.Ready(taken.has) {
		if label == "" || slices.Contains(t.Labels, label) {
			return tx.Task(t.ID)
		}
	}
	return state.Task{}, noneReady(all, label, len(taken))
}

// taken are the tasks that nobody else can have now, by number: those that are
// claimed, and those that a worktree operation goes on for.
type taken map[int]state.Claim

func (m taken) has(t *state.TaskSummary) bool {
	_, is := m[t.ID]
	return is
}

func (m taken) add(in state.Intent) {
	if in.TaskID != nil {
		m[*in.TaskID] = state.Claim{}
	}
}

func (b *Board) taken(v *state.View) (taken, error) {
	claims, err := v.Claims()
	if err != nil {
		return nil, err
	}
	intents, err := v.Intents()
	if err != nil {
		return nil, err
	}
	m := taken{}
	for _, in := range intents {
		if b.State.Going(in.ID) {
			m.add(in)
		}
	}
	for _, c := range claims {
		if !b.lapsed(c) {
			m[c.Task] = c
		}
	}
	return m, nil
}

func noneReady(all *state.Tasks, label string, claimed int) error {
	pending := countTasks(all.All)[state.Pending]
	which := "task"
	if label != "" {
		which = fmt.Sprintf("task with label %q", label)
	}
	return state.Errorf(state.NotFound, `call worktree_events {"event":"task.","wait_seconds":50} to wait for news, then task_claim again; or task_create`,
		"no %s is ready: of %d pending, all wait for others or are taken; claimed: %d", which, pending, claimed).
		With("pending", pending).With("claimed", claimed)
}

// give puts a new claim on the task; from is who hands it over.
func (b *Board) give(tx *state.Tx, old state.Task, in TaskClaimIn, from string) (TaskClaimOut, state.Token, error) {
	t := old
	owner := in.Owner
	if owner == "" {
		owner = b.Actor
	}
	c, token := tx.GiveClaim(t.ID, owner, b.Actor, lease(in.LeaseSeconds, defaultLease))
	t.Status, t.Owner, t.LeaseExpiresAt = state.InProgress, owner, c.ExpiresAt
	t.Attempts = append(endForgotten(t.Attempts, tx.At()), state.Attempt{Owner: owner, ClaimedAt: tx.At(), Claim: c.Number})
	t = tx.PutTask(t)
	detail := state.Fields{"owner": owner, "lease_seconds": c.Lease}
	if from != "" {
		detail["from"] = from
	}
	tx.Emit(taskEvent("task.claimed", b.Actor, old, t, detail))
	return TaskClaimOut{Task: t, Claim: token.String(), LeaseExpiresAt: c.ExpiresAt}, token, nil
}

func lease(asked, otherwise float64) float64 {
	if asked == 0 {
		return otherwise
	}
	return asked
}

// own returns the claim that the call carries, and its task.
func (b *Board) own(tx *state.Tx, in TaskClaimIn) (state.Task, state.Claim, error) {
	id := in.TaskID
	if id == 0 {
		token, err := state.ParseToken(in.Claim)
		if err != nil {
			return state.Task{}, state.Claim{}, err
		}
		id = token.Task
	}
	t, err := tx.Task(id)
	if err != nil {
		return t, state.Claim{}, err
	}
	r, err := b.rightNow(tx, id, in.Claim)
	if err == nil && r.held && !t.Status.Open() {
		return t, r.claim, state.Errorf(state.Conflict, "there is nothing to hold; task_claim {} takes another one", "task %d is %s", id, t.Status).With("task_id", id)
	}
	if err == nil && !r.held {
		err = state.Errorf(state.Conflict, fmt.Sprintf(`call task_claim {"task_id":%d} to claim it`, id), "task %d is not claimed by you", id).With("task_id", id)
	}
	return t, r.claim, err
}

// renew lets the lease begin anew, or hands the task over to another owner: that
// one gets a claim of its own, and the caller's holds no more.
func (b *Board) renew(tx *state.Tx, in TaskClaimIn) (out TaskClaimOut, token state.Token, err error) {
	old, c, err := b.own(tx, in)
	if err != nil {
		return out, token, err
	}
	in.LeaseSeconds = lease(in.LeaseSeconds, c.Lease)
	if in.Owner != "" && in.Owner != c.Owner {
		t := old
		endAttempt(tx, &t, c, state.OutcomeHandedOver, tx.At())
		if out, token, err = b.give(tx, t, in, c.Owner); err == nil {
			tx.KeepRuns(t.ID, c.Runs)
		}
		return out, state.Token{}, err // it is the other's now
	}
	c.Lease = in.LeaseSeconds
	c = tx.RenewClaim(c)
	t := old
	t.LeaseExpiresAt = c.ExpiresAt
	token, err = state.ParseToken(in.Claim)
	return TaskClaimOut{Task: tx.PutTask(t), Claim: in.Claim, LeaseExpiresAt: c.ExpiresAt}, token, err
}

// release gives the task back: the next may take it.
func (b *Board) release(tx *state.Tx, in TaskClaimIn) (out TaskClaimOut, none state.Token, err error) {
	if in.Claim == "" && in.TaskID == 0 {
		return out, none, invalid("claim", "pass the claim that task_claim gave you", "is needed to release a task")
	}
	old, c, err := b.own(tx, in)
	if err != nil {
		return out, none, err
	}
	t := letLoose(tx, old, c, state.OutcomeReleased, tx.At())
	tx.Emit(taskEvent("task.released", b.Actor, old, t, state.Fields{"owner": c.Owner}))
	return TaskClaimOut{Task: t}, none, nil
}

// ReleaseTask ends whatever claim is on a task, without its token: a person's
// override. Unless force, a claim whose lease still goes on is left alone. A task
// that is in progress by a claim that the board has forgotten is let go too.
func (b *Board) ReleaseTask(ctx context.Context, id int, force bool) (t state.Task, err error) {
	err = b.updateFree(ctx, "", &id, func(tx *state.Tx) error {
		c, claimed, err := tx.Claim(id)
		if err != nil {
			return err
		}
		old, err := tx.Task(id)
		switch {
		case err != nil && claimed && (force || b.lapsed(c)): // no file to note it in
			tx.EndClaim(id)
			t = state.Task{ID: id, Subject: "(its file cannot be read)"}
			return nil
		case err != nil:
			return err
		case !claimed && old.Status == state.InProgress && old.OpenAttempt():
			t = letForgotten(tx, old)
			tx.Emit(taskEvent("task.released", b.Actor, old, t, state.Fields{"owner": old.Owner, "forgotten": true}))
			return nil
		case !claimed:
			return state.Errorf(state.Conflict, "there is nothing to release", "nobody holds task %d", id).With("task_id", id)
		case b.lapsed(c):
			err = b.expire(tx, c)
			t, _ = tx.Task(id)
			return err
		case !force:
			return b.claimHeld(c)
		}
		t = letLoose(tx, old, c, state.OutcomeOverridden, tx.At())
		tx.Emit(taskEvent("task.released", b.Actor, old, t, state.Fields{"owner": c.Owner, "forced": true}))
		return nil
	}, nil)
	return t, err
}

func (out TaskClaimOut) text() string {
	text := lines(TaskLine(out.Task), indent(out.Task.Description))
	if out.Claim == "" {
		return lines(text, "released")
	}
	text = lines(text, fmt.Sprintf("claim=%s until %s; pass it as claim to the calls that change this task or its worktree, each renews it", out.Claim, clock(out.LeaseExpiresAt)))
	if out.Warning != "" {
		text = lines(text, "WARNING: "+out.Warning)
	}
	return text
}
