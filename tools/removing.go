package tools

import (
	"context"
	"errors"
	"slices"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/ops"
)

// remove takes a worktree away by its name, unless something stands against it. It
// says where the worktree was and what it was on.
func (b *Board) remove(ctx context.Context, ask ops.Remove) (at whereabouts, gone ops.Removed, err error) {
	at, err = b.current(ctx, ask.Worktree.Name)
	w := at.Worktree
	if err == nil && at.elsewhere() {
		err = b.present(at)
	}
	if err == nil {
		err = b.hold(ctx, w, ask.Claim)
	}
	if err == nil {
		err = b.prime(ctx, ask.CompleteTask)
	}
	if err != nil {
		return at, gone, err
	}
	if home := b.worktreePath(w.Name); home != w.Path && onDisk(home) && !onDisk(w.Path) {
		return at, gone, state.Errorf(state.Conflict, "run wt-mcp doctor --fix, then repeat the call",
			"the board says that worktree %s is at %s, but it lies at %s", w.Name, w.Path, home)
	}
	ask.Worktree = w
	ask.Check = func(ctx context.Context) error { return b.checkStanding(ctx, w, ask.Force) }
	ask.Last = func(ctx context.Context, files string) error { return b.checkLast(ctx, w, files) }
	ask.Word = func(err error) error { return b.removeError(w, err) }
	gone, err = b.ops().Remove(ctx, ask)
	return at, gone, b.removedMeanwhile(ctx, at, gone, err)
}

// removedMeanwhile is the error of a removal whose worktree went away meanwhile. One
// that has moved the files says itself where they are.
func (b *Board) removedMeanwhile(ctx context.Context, at whereabouts, gone ops.Removed, err error) error {
	var stranded *git.Stranded
	if code := state.CodeOf(err); code != state.GitFailed && code != state.Internal || gone.Trash.Snapshot.ID != "" || errors.As(err, &stranded) {
		return err
	}
	return b.gone(ctx, at.Name, at, err)
}

// checkStanding refuses what stands against a removal before it begins, with
// everything else that does.
func (b *Board) checkStanding(ctx context.Context, w state.Worktree, force bool) error {
	standing, err := b.standing(ctx, w, w.Path)
	if err != nil || len(standing) == 0 {
		return err
	}
	all, err := b.reasons(ctx, w, standing, force)
	return errors.Join(refusal(all), err)
}

// checkLast refuses who came in at the last moment.
func (b *Board) checkLast(ctx context.Context, w state.Worktree, files string) error {
	came, err := b.standing(ctx, w, files)
	return errors.Join(refusal(came), err)
}

// settings are those in effect; a file that is broken is told by runs, and must
// not keep anything else from working.
func (b *Board) settings() config.Settings {
	set, err := b.Config.Load()
	if err != nil {
		b.Log.Warn("read the configuration", "error", err)
		return config.Defaults()
	}
	return set
}

// tidy deletes, behind the answer, a worktree that had nothing of its own, trash
// that is old enough or too much, and the snapshots that hold nothing.
func (b *Board) tidy(trash git.Trash) {
	b.shared.background.Go(func() {
		ctx, cancel := lasting(context.Background())
		defer cancel()
		var err error
		if !trash.Precious {
			err = b.Git.EmptyTrash(ctx, trash)
		}
		set := b.settings()
		before := time.Now().Add(-set.KeepTrash)
		err = errors.Join(err, b.Git.SweepTrash(ctx, b.worktreesDir(), git.Keep{Before: before, Bytes: set.TrashBytes, Busy: b.atWork(ctx)}),
			b.Git.DropSnapshots(ctx, before))
		if err != nil {
			b.Log.Warn("empty the trash", "error", err)
		}
	})
}

// atWork tells the ids of operations that are going on, and of the snapshots that
// they restore from. Where the board cannot be read all are.
func (b *Board) atWork(ctx context.Context) func(id string) bool {
	return func(id string) bool {
		busy := b.State.Going(id)
		err := b.State.View(ctx, func(v *state.View) error {
			intents, err := v.Intents()
			busy = busy || slices.ContainsFunc(intents, func(in state.Intent) bool { return in.ID == id || in.Snapshot == id })
			return err
		})
		return busy || err != nil
	}
}
