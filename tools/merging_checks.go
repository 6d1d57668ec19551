package tools

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// look looks at the lane, and refuses what no engine has to look at.
func (m *merging) look(ctx context.Context) (err error) {
	select {
	case m.shared.looks <- struct{}{}:
		defer func() { <-m.shared.looks }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if m.status, err = m.Git.Status(ctx, m.at.Path); err != nil {
		return m.statusError(m.at.Worktree, err)
	}
	for _, against := range []func(context.Context) error{m.againstLane, m.againstTask, m.againstOpen, m.againstTarget, m.againstUpstream, m.againstRuns, m.takenBack, m.stacked} {
		if err := against(ctx); err != nil {
			return err
		}
	}
	return nil
}

// againstLane refuses a lane whose HEAD is not what it is to land: without a commit, in
// the middle of something, on the target itself, or apart from the branch that the board
// has for it. A detached HEAD that has all of its branch lands as it is.
func (m *merging) againstLane(ctx context.Context) error {
	name := m.at.Name
	if m.status.Head == "" {
		return state.Errorf(state.Conflict, "commit there first", "worktree %s has no commit yet", name)
	}
	operation, err := m.Git.Operation(ctx, m.at.Path)
	switch {
	case err != nil:
		return m.statusError(m.at.Worktree, err)
	case operation != "":
		return state.Errorf(state.Conflict, "end it (--continue or --abort) in "+m.at.Path+", then repeat the call",
			"a %s is under way in worktree %s", operation, name).With("operation", operation)
	case m.status.Branch == m.target.Branch():
		return state.Errorf(state.Conflict, "there is nothing to land: its commits are on that branch; pass another target to land them there",
			"worktree %s is on %s itself", name, m.status.Branch).With("target", m.status.Branch)
	}
	return m.leftBehind(ctx, m.at.was.Branch)
}

// leftBehind refuses a lane whose branch has work that its HEAD has not.
func (m *merging) leftBehind(ctx context.Context, branch string) error {
	if branch == "" || branch == m.status.Branch || branch == m.target.Branch() {
		return nil
	}
	oid, ok, err := m.Git.Branch(ctx, branch)
	if err != nil || !ok {
		return ops.GitError("look up branch "+branch, err)
	}
	lacks, err := m.Git.Lacks(ctx, m.status.Head, oid)
	if err != nil || lacks == 0 {
		return ops.GitError("compare HEAD with "+branch, err)
	}
	if l, err := m.Git.Landed(ctx, oid, m.target.Tip); err != nil || l.Landed {
		return ops.GitError("compare "+branch+" with "+m.target.Branch(), err)
	}
	on := "has a detached HEAD"
	if m.status.Branch != "" {
		on = "is on " + state.Visible(m.status.Branch)
	}
	return state.Errorf(state.Conflict, fmt.Sprintf("in %s: git switch %s, and bring the work together there; then repeat the call", m.at.Path, branch),
		"worktree %s %s, and %s of its branch %s would be left behind", m.at.Name, on, number(lacks, "commit"), state.Visible(branch)).With("branch", branch)
}

// closedFor is for how long after its end a task still takes the landing of its lane.
const closedFor = 24 * time.Hour

// againstTask refuses the work of a task that was given up, or is done since long: then
// its lane was forgotten, or went on for something else.
func (m *merging) againstTask(ctx context.Context) error {
	if m.at.TaskID == nil {
		return nil
	}
	var t state.Task
	err := m.State.View(ctx, func(v *state.View) (err error) {
		t, err = v.Task(*m.at.TaskID)
		return err
	})
	if state.CodeOf(err) == state.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	m.task = &t
	since := t.UpdatedAt
	if t.Closeout != nil {
		since = t.Closeout.At
	}
	when := state.Time(since)
	bind := `or task_bind_worktree with the task that it is for`
	switch {
	case t.Status == state.Deleted:
		return state.Errorf(state.Conflict, "task_create for what is still wanted, then task_bind_worktree", "task %d of worktree %s was given up on %s", t.ID, m.at.Name, when.Format(time.DateOnly)).
			With("task_id", t.ID).With("status", t.Status)
	case t.Status == state.Completed && m.at.Status == state.Active && m.State.Now()-since > closedFor.Seconds():
		return state.Errorf(state.Conflict, fmt.Sprintf(`if the work is still wanted: worktree_keep {"name":%q} says so, then repeat the call; %s`, m.at.Name, bind),
			"task %d of worktree %s was completed on %s already", t.ID, m.at.Name, when.Format(time.DateOnly)).With("task_id", t.ID).With("status", t.Status)
	}
	return nil
}

// againstOpen refuses what is not committed, unless it is to be.
func (m *merging) againstOpen(context.Context) error {
	switch open := m.status.Changed(); {
	case len(m.status.Unseen) > 0:
		return state.Errorf(state.Dirty, "see to it that it can be read, then repeat the call", "in worktree %s there is what could not be looked at, so it is not known to be committed: %s",
			m.at.Name, state.Visible(state.Clip(join(m.status.Unseen), 300))).With("unseen", someFiles(m.status.Unseen))
	case len(open) > 0 && m.in.message == "" && !m.in.dry:
		return m.dirty(open)
	}
	return nil
}

func (m *merging) dirty(open []string) error {
	return state.Errorf(state.Dirty, "repeat the call with message, which commits them first, or commit a part with worktree_commit and put the rest away",
		"worktree %s has %s: %s", m.at.Name, number(len(open), "uncommitted file"), state.Visible(state.Clip(join(open), 300))).
		With("files", someFiles(open)).With("count", len(open))
}

// againstTarget refuses a target that is the branch of a lane which somebody else holds.
func (m *merging) againstTarget(ctx context.Context) error {
	branch := m.target.Branch()
	return m.State.View(ctx, func(v *state.View) error {
		all, err := v.Worktrees()
		for _, w := range all {
			if err != nil || !w.Live() || w.Branch != branch || w.TaskID == nil || strings.EqualFold(w.Name, m.at.Name) {
				continue
			}
			_, err = m.rules().Look(v, *w.TaskID, state.Token{})
			if state.CodeOf(err) == state.NotFound {
				err = nil
			}
		}
		return err
	})
}

// againstUpstream refuses to make one's own of what others have published: where the
// target has not got it yet and the lane has, a squash or a rebase would.
func (m *merging) againstUpstream(ctx context.Context) error {
	up := m.target.Upstream
	if up.Tip == "" || m.in.strategy != state.StrategySquash && m.in.strategy != state.StrategyRebase {
		return nil
	}
	ahead, err := m.Git.Lacks(ctx, m.target.Tip, up.Tip)
	if err != nil || ahead == 0 {
		return ops.GitError("compare the target with its upstream", err)
	}
	base, err := m.Git.MergeBase(ctx, m.status.Head, up.Tip)
	if err != nil || base == "" {
		return ops.GitError("compare the worktree with the target's upstream", err)
	}
	foreign, err := m.Git.Lacks(ctx, m.target.Tip, base)
	if err != nil || foreign == 0 {
		return ops.GitError("compare the worktree with the target's upstream", err)
	}
	branch := m.target.Branch()
	return state.Errorf(state.Conflict, fmt.Sprintf("bring %s up to date first (git merge --ff-only %s/%s there), or land by merge, which keeps them as they are", branch, up.Remote, up.Branch),
		"worktree %s has %s of %s/%s that %s has not yet: a %s would write them anew as its own", m.at.Name, number(foreign, "commit"), up.Remote, up.Branch, branch, m.in.strategy)
}

// againstRuns refuses to begin what ends with a removal while a run goes on in the lane.
func (m *merging) againstRuns(ctx context.Context) error {
	if !m.in.remove {
		return nil
	}
	standing, err := m.standing(ctx, m.at.Worktree, m.at.Path)
	if err != nil {
		return err
	}
	for _, r := range standing {
		if r.Kind == "run" {
			return refusal([]Reason{r})
		}
	}
	return nil
}
