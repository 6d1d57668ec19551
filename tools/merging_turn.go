package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/gate"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/runner"
)

// turn is the turn at a target. Who has it lands all that wait, as one chain: one check
// of what would be the tip, one move of the target. What fails the check is found by
// halves, and what does not go with the others waits for the next turn.
type turn struct {
	*Board
	target string
	gate   gate.Gate
	checks string        // how they went
	rest   time.Duration // before the next turn
}

const (
	// mostTogether is how many land by one move: each has an open file.
	mostTogether = 256
	// patience is how often a target may move under a turn.
	patience = 50
	// breath is left to the user between two moves of a checkout: git commit there has
	// to read and write the index undisturbed.
	breath = 50 * time.Millisecond
)

// work lands what waits.
func (t *turn) work(ctx context.Context, batch []*waiting) {
	t.recover(ctx, batch)
	group := t.choose(batch)
	err := t.land(ctx, group)
	if err == nil || ctx.Err() != nil {
		return
	}
	for _, it := range group {
		if it.In.gate != nil { // whoever waits elsewhere sees for itself
			t.refuse(it, err)
		}
	}
}

// recover ends what one who had the turn before left half done.
func (t *turn) recover(ctx context.Context, batch []*waiting) {
	for _, it := range batch {
		if it.Again {
			t.ops().RecoverDead(ctx)
			break
		}
	}
	for _, it := range batch {
		it.Return()
	}
}

// choose takes those that must pass the same checks as the first of this process, whose
// commands are run: never any that another one asks for.
func (t *turn) choose(batch []*waiting) (group []*waiting) {
	hash := ""
	for _, it := range batch {
		if it.In.gate != nil {
			t.gate, hash = *it.In.gate, it.In.Gate
			break
		}
	}
	for _, it := range batch {
		switch {
		case it.In.Gate != hash || len(group) == mostTogether:
		case !it.In.alone():
			group = append(group, it)
		case len(group) == 0: // git computes it by itself
			group = append(group, it)
			return t.following(group)
		}
	}
	return t.following(group)
}

// following tells the calls of this process how the checks of a group get on.
func (t *turn) following(group []*waiting) []*waiting {
	t.gate.Progress = func(message string) {
		for _, it := range group {
			if it.In.gate != nil && it.In.gate.Progress != nil {
				it.In.gate.Progress(message)
			}
		}
	}
	return group
}

// chain is a plan with the lanes that it lands.
type chain struct {
	ops.Plan
	lanes []*waiting
}

// land lands lanes together, as often as the target moves meanwhile.
func (t *turn) land(ctx context.Context, lanes []*waiting) error {
	for range patience {
		c, err := t.plan(ctx, lanes, true)
		if err == nil && len(c.lanes) > 0 {
			c, err = t.prove(ctx, c)
		}
		if err != nil || len(c.lanes) == 0 {
			return err
		}
		if lanes, err = t.move(ctx, c); err != nil || len(lanes) == 0 {
			return err
		}
	}
	return state.Errorf(state.Busy, "repeat the call", "branch %s moved each time that something was to land in it", branchName(t.target))
}

// plan puts lanes on each other. What is already there, or cannot land on the target as
// it is, is settled; what does not go with a lane before it waits.
func (t *turn) plan(ctx context.Context, lanes []*waiting, settle bool) (c chain, err error) {
	var asks []ops.Land
	for _, it := range lanes {
		asks = append(asks, t.asked(it))
	}
	if c.Plan, err = t.ops().PlanAll(ctx, t.target, asks); err != nil {
		return c, err
	}
	steps := c.Steps
	c.Steps = nil
	for i, s := range steps {
		switch {
		case s.Err == nil && s.Nothing == "":
			c.Steps, c.lanes = append(c.Steps, s), append(c.lanes, lanes[i])
		case len(c.lanes) > 0 || !settle: // it may be otherwise without those before it
		case s.Err != nil:
			t.refuseTold(ctx, lanes[i], s.Err)
		default:
			t.settle(lanes[i], fate{Nothing: s.Nothing, Commits: s.Commits})
		}
	}
	return c, nil
}

// prove has a chain pass the checks. Lanes that fail them are settled. The chain that it
// returns passed as it is.
func (t *turn) prove(ctx context.Context, c chain) (chain, error) {
	if t.gate.Open() {
		return c, nil
	}
	proven, whole := chain{}, len(c.lanes)
	good, bad, err := gate.Bisect(c.lanes, func(set []*waiting) (_ *gate.Verdict, err error) {
		tried := c
		if len(set) < whole {
			if tried, err = t.plan(ctx, set, false); err != nil || len(tried.lanes) == 0 {
				return nil, err
			}
		}
		v, err := t.gate.Try(ctx, tried.Commit, tried.Tree)
		if err != nil || !v.Passed {
			return &v, err
		}
		proven = tried
		t.checks = checksPassed(t.gate, v)
		return nil, nil
	})
	for _, b := range bad {
		t.refuseTold(ctx, b.Lane, unproven(t.gate, b.Lane.In.Land.Worktree.Name, branchName(t.target), b.Fault))
	}
	if len(good) == 0 || err != nil {
		return chain{}, err
	}
	return proven, nil
}

// move lands a chain. It returns the lanes that are to be tried again.
func (t *turn) move(ctx context.Context, c chain) (again []*waiting, err error) {
	for i, it := range c.lanes {
		if !it.Take() { // withdrawn: the others land without it
			giveBack(c.lanes)
			return append(append(again, c.lanes[:i]...), c.lanes[i+1:]...), nil
		}
	}
	done, err := t.ops().LandAll(ctx, c.Plan)
	var refused ops.Refused
	switch {
	case err == nil:
		t.landed(c, done)
		return nil, nil
	case errors.Is(err, ops.ErrTipMoved):
		giveBack(c.lanes)
		return c.lanes, nil
	case errors.As(err, &refused):
		for i, it := range c.lanes {
			if refused[i] != nil {
				t.refuse(it, refused[i])
			} else {
				again = append(again, it)
			}
		}
		giveBack(again)
		return again, nil
	case len(c.lanes) == 1:
		t.refuse(c.lanes[0], err)
		return nil, nil
	}
	giveBack(c.lanes)
	return nil, t.each(ctx, c.lanes)
}

// each lands lanes one by one: what stands against all of them may be about one.
func (t *turn) each(ctx context.Context, lanes []*waiting) error {
	for _, it := range lanes {
		if err := t.land(ctx, []*waiting{it}); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) landed(c chain, done []ops.Landed) {
	for i, it := range c.lanes {
		t.settle(it, fate{Landed: &done[i], Commits: done[i].Commits, Check: t.checks})
		if done[i].Checkout != "" {
			t.rest = breath
		}
	}
}

func giveBack(lanes []*waiting) {
	for _, it := range lanes {
		it.Return()
	}
}

func (t *turn) settle(it *waiting, f fate) {
	if err := it.Settle(f); err != nil {
		t.Log.Warn("tell what became of a landing", "worktree", it.In.Land.Worktree.Name, "error", err)
	}
}

func (t *turn) refuse(it *waiting, err error) { t.settle(it, fate{Refusal: refusedBy(err)}) }

// refuseTold is refuse for what the board is to tell too.
func (t *turn) refuseTold(ctx context.Context, it *waiting, err error) {
	if code := state.CodeOf(err); code == state.Conflict || code == state.Unproven {
		if untold := t.ops().TellRefused(ctx, t.target, t.asked(it), err); untold != nil {
			t.Log.Warn("tell of a landing that was refused", "error", untold)
		}
	}
	t.refuse(it, err)
}

func branchName(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

func checkNames(g gate.Gate) string {
	var names []string
	for _, c := range g.Settings.Checks {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func checksPassed(g gate.Gate, v gate.Verdict) string {
	if v.Cached {
		return "passed before: " + checkNames(g)
	}
	return fmt.Sprintf("passed in %.1f s: %s", v.Seconds, checkNames(g))
}

// unproven says which check failed, and how.
func unproven(g gate.Gate, lane, target string, v gate.Verdict) error {
	how := fmt.Sprintf("exit code %d", v.ExitCode)
	if v.Status == runner.TimedOut {
		how = fmt.Sprintf("not done in %v, which is all that the checks have", g.Settings.CheckTimeout)
	}
	message := fmt.Sprintf("%s did not land in %s: check %s failed on what would have been its tip: %s, %s",
		lane, target, v.Check, state.Visible(state.Clip(v.Command, 200)), how)
	if end := strings.TrimSpace(v.Output); end != "" {
		message += "\n" + end
	}
	return state.Errorf(state.Unproven, fmt.Sprintf(`nothing was changed; mend it in the worktree, then repeat the call; all of the output: run_output {"run_id":%q}`, v.RunID), "%s", message).
		With("check", v.Check).With("command", v.Command).With("exit_code", v.ExitCode).With("status", v.Status).With("run_id", v.RunID).With("log", g.Jobs.LogPath(v.RunID))
}
