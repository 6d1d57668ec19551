package tools

import (
	"context"
	"os"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

// entry returns the live entry of a worktree. Where the registry does not have
// it, or the disk does not, git is asked: an entry that another program dropped
// or a worktree that somebody moved is put right first.
func (b *Board) entry(ctx context.Context, name string) (state.Worktree, error) {
	w, err := b.lookUp(ctx, name)
	missing := err == nil && !onDisk(w.Path)
	if (state.CodeOf(err) != state.NotFound && !missing) || b.ReadOnly {
		return w, err
	}
	mended, mendErr := b.reconcile(ctx, name)
	if mendErr != nil || !mended {
		return w, err
	}
	return b.lookUp(ctx, name)
}

func (b *Board) lookUp(ctx context.Context, name string) (w state.Worktree, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		w, err = rules.Live(v, name)
		return err
	})
	return w, err
}

func onDisk(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reconcile mends what it is safe to mend about one worktree on the registry: an
// entry that was lost or has moved. That a directory is gone is for
// worktree_remove to close.
func (b *Board) reconcile(ctx context.Context, name string) (mended bool, err error) {
	if state.CheckName(name) != nil {
		return false, nil
	}
	findings, err := b.Diagnose(ctx)
	if err != nil {
		return false, err
	}
	var mine []Finding
	for _, f := range findings {
		if strings.EqualFold(f.Subject, name) && f.Mendable() && (f.Kind == "lost" || f.Kind == "moved") {
			mine = append(mine, f)
		}
	}
	_, err = b.Mend(ctx, mine)
	return len(mine) > 0, err
}
