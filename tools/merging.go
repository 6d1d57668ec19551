package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// The statuses of a landing.
const (
	statusLanded    = "landed"
	statusWouldLand = "would_land"
	statusNothing   = "nothing"
	statusChecking  = "checking" // it goes on
)

// wish is what a call asks of a landing.
type wish struct {
	name, target, strategy, message, undo string
	dry, complete, remove                 bool
	wait                                  time.Duration
	claim                                 state.Token
}

// merging is a landing of one lane while the call goes on.
type merging struct {
	*Board
	in     wish
	at     whereabouts
	status git.Status // of the lane
	target git.Target
	task   *state.Task
	undone *state.Landing // the lane's last landing, where that was taken back
	again  *ops.Again     // how it lands again
	below  *state.Landing // of what the lane was made from, where it brought commits of the lane to the target in another form
	out    MergedWorktree
	phase  func(string) // is told how it gets on
	came   func()       // into the line before the target, or it will not
}

// merging finds lane and target, and refuses what stands against a landing whatever is
// in it. It changes nothing but what the board had wrong.
func (b *Board) merging(ctx context.Context, in wish) (*merging, error) {
	m := &merging{Board: b, in: in, came: func() {}}
	find := b.current
	if in.dry {
		find = b.see
	}
	var err error
	if m.at, err = find(ctx, in.name); err == nil {
		err = b.present(m.at)
	}
	if err == nil && !in.dry {
		err = b.hold(ctx, m.at.Worktree, in.claim)
	}
	if err == nil {
		m.target, err = b.findTarget(ctx, m.at.Worktree, in.target)
	}
	if err == nil && !in.dry {
		m.came = m.line(m.target.Ref).Coming()
	}
	if err == nil {
		err = m.look(ctx)
	}
	if err != nil {
		m.came()
		return nil, b.gone(ctx, in.name, m.at, err)
	}
	m.out = MergedWorktree{Status: statusNothing, Target: m.target.Branch(), Strategy: m.in.strategy, DryRun: in.dry, name: m.at.Name}
	if in.complete && m.task == nil {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("worktree %s has no task, so none is completed", m.at.Name))
	}
	return m, nil
}

// ask is the landing of what the lane has committed.
func (m *merging) ask() ops.Land {
	w := m.at.Worktree
	w.Branch = m.status.Branch
	ask := ops.Land{Worktree: w, Head: m.status.Head, Strategy: m.in.strategy, CompleteTask: m.in.complete, Claim: m.in.claim, Words: m.words().say}
	if m.in.strategy == state.StrategySquash {
		ask.Again = m.again
	}
	if ask.Again == nil && m.below != nil {
		ask.Since = m.below.Head
	}
	return ask
}

// commitOpen commits what is open in the lane.
func (m *merging) commitOpen(ctx context.Context) error {
	if len(m.status.Changed()) == 0 {
		return nil
	}
	m.came()
	done, err := m.Board.commitOpen(ctx, m.at, commitAsk{Message: m.in.message, Claim: m.in.claim})
	if err != nil {
		return repeating(err)
	}
	m.out.Committed = done.Commit.Commit
	if done.warning != "" {
		m.out.Notes = append(m.out.Notes, done.warning)
	}
	if m.status, err = m.Git.Status(ctx, m.at.Path); err != nil {
		return m.statusError(m.at.Worktree, err)
	}
	if open := m.status.Changed(); len(open) > 0 { // a hook, or somebody in the lane, wrote meanwhile
		return m.afterCommit(state.Errorf(state.Dirty, "end what writes there (worktree_status tells what runs), or have git ignore its files; then repeat the call",
			"%s changed in worktree %s while the rest was committed: %s", number(len(open), "file"), m.at.Name, state.Visible(state.Clip(join(open), 300))).
			With("files", someFiles(open)).With("count", len(open)))
	}
	return nil
}

// repeating has the error of a commit lead back to the landing that asked for it.
func repeating(err error) error {
	var e *state.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Hint = strings.ReplaceAll(e.Hint, "call worktree_commit again", "repeat the call")
	return &told
}

// afterCommit adds to the error of a landing that what was open is committed by now.
func (m *merging) afterCommit(err error) error {
	var e *state.Error
	if m.out.Committed == "" || !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Message += fmt.Sprintf("; what was open in %s is committed as %s", m.at.Name, shortID(m.out.Committed))
	return told.With("committed", m.out.Committed)
}

// forecast tells what a landing would do. Nothing is written, no object either.
func (m *merging) forecast(ctx context.Context, ask ops.Land) error {
	plan, err := m.ops().Forecast(ctx, m.target.Ref, ask)
	if err != nil {
		return err
	}
	step := plan.Steps[0]
	m.tell(step)
	if open := m.status.Changed(); len(open) > 0 {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("not in the forecast, for it is not committed: %s", state.Clip(join(open), 300)))
	}
	if step.Nothing != "" {
		return nil
	}
	m.out.again = m.in.again()
	if m.in.undo == "" {
		m.out.again["target"] = m.out.Target
	}
	if m.in.message != "" && len(m.in.message) <= 500 {
		m.out.again["message"] = m.in.message
	}
	m.out.Status, m.out.Files, m.out.CheckoutMoved = statusWouldLand, step.Files, plan.Checkout
	return nil
}

// tell takes over what a plan says of the lane.
func (m *merging) tell(step ops.Step) {
	m.out.How, m.out.Commits = step.Nothing, step.Commits
	if len(step.Undriven) > 0 {
		m.out.Notes = append(m.out.Notes, "not run for the forecast, so the landing may come out otherwise: "+join(step.Undriven))
	}
	if m.below != nil && step.Nothing == "" {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("without the commits of %s, which landed by %s (landing %s)", m.below.Name, m.below.Strategy, m.below.ID))
	}
	if m.out.undone = m.undone != nil; m.out.undone && m.in.strategy != state.StrategySquash {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("without what landing %s had brought, which was taken back: strategy squash lands it again", m.undone.ID))
	}
}

// land lands the lane when it is its turn.
func (m *merging) land(ctx context.Context, ask ops.Land, w words) error {
	if err := m.prime(ctx, m.in.complete); err != nil {
		return err
	}
	f, err := m.enter(ctx, ask, w)
	if err != nil {
		return err
	}
	m.tell(ops.Step{Nothing: f.Nothing, Commits: f.Commits})
	m.out.Check = f.Check
	if f.Nothing != "" {
		return m.nothing(ctx)
	}
	m.out.Status, m.out.Landing, m.out.Commit, m.out.CheckoutMoved, m.out.Files = statusLanded, f.Landed.ID, f.Landed.After, f.Landed.Checkout, f.Landed.Files
	m.showTask(f.Landed.Task)
	m.publish()
	return nil
}

func (m *merging) showTask(t *state.Task) {
	if t != nil && m.in.complete {
		fit := fitTask(*t, smallResult/2)
		m.out.Task = &fit
	}
}

// nothing completes the task of a lane whose work is in the target already.
func (m *merging) nothing(ctx context.Context) error {
	if !m.in.complete || m.at.TaskID == nil {
		return nil
	}
	t, err := m.ops().Complete(ctx, m.at.Worktree, m.in.claim, "its work is in "+m.out.Target)
	if err != nil {
		return err
	}
	m.showTask(t)
	return nil
}

// tidy removes the worktree, if it still is what landed.
func (m *merging) tidy(ctx context.Context) {
	if !m.in.remove {
		return
	}
	_, gone, err := m.remove(ctx, ops.Remove{Worktree: state.Worktree{Name: m.at.Name}, Head: m.status.Head, Reason: "landed in " + m.out.Target, Claim: m.in.claim})
	if err != nil {
		m.out.WhyKept = err.Error()
		if next := hintOf(err); next != "" {
			m.out.WhyKept += "; " + next
		}
		return
	}
	m.out.Removed, m.out.Snapshot = true, gone.Trash.Snapshot.ID
	m.showTask(gone.Task)
	if gone.Branch.Kept {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("branch %s stays: %s", m.status.Branch, gone.Branch.Why))
	} else {
		m.out.PullRequest = ""
	}
}
