package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"wt-mcp/state/osfs"
)

// UndoAdd takes back what an add left behind whose process died, and only that:
// a worktree which is locked with the operation's mark, an empty directory at
// Path, a new branch which carries the mark and still is at Commit. It may be
// repeated. No other process may be working on the add any more.
//
// A finished worktree is not undone: ErrCheckedOut. Nor is one with changes in a
// completed checkout (ErrDirty), or a branch with commits (ErrBranchMoved).
func (r *Repo) UndoAdd(ctx context.Context, a Add) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := clearStale(ctx, a.Since, r.staleLocks(a)); err != nil {
		return fmt.Errorf("undo worktree %s: %w", a.Path, err)
	}
	if admin, ok := r.marked(a.Op); ok && checkedOut(admin) && exists(r.pathOf(admin)) {
		if err := r.checkClean(ctx, admin, r.pathOf(admin)); err != nil {
			return fmt.Errorf("undo worktree %s: %w", a.Path, err)
		}
	}
	if err := r.undo(ctx, a, made{dir: true, branch: a.NewBranch, entry: true}); err != nil {
		return fmt.Errorf("undo worktree %s: %w", a.Path, err)
	}
	return nil
}

func (r *Repo) undo(ctx context.Context, a Add, m made) error {
	if m.entry {
		if err := errors.Join(r.discardMarked(ctx, a), r.discardUnmarked(ctx, a)); err != nil {
			return err
		}
	}
	if m.dir {
		r.removePointer(a)
		_ = os.Remove(a.Path) // of a directory: succeeds on an empty one only
	}
	if !m.branch {
		return nil
	}
	mine, err := r.BranchMadeBy(ctx, a.Branch, a.Op)
	if err != nil || !mine {
		return err
	}
	return r.DeleteBranch(ctx, a.Branch, a.Commit)
}

// discardMarked removes the worktree which carries the mark. Its files are
// moved away first, so that the git lock is held for a moment only.
func (r *Repo) discardMarked(ctx context.Context, a Add) error {
	admin, ok := r.marked(a.Op)
	if !ok {
		return nil
	}
	if own, err := r.adminDir(a.Path); err == nil && own == admin {
		if trash, err := r.setAside(a.Path, a.Op); err == nil {
			defer func() { _ = r.deleteTree(context.WithoutCancel(ctx), trash) }() // else a sweep does
		}
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return r.removeMarked(ctx, a)
}

// removeMarked removes the worktree which carries the mark, under the git lock.
// A kill may have left an administrative directory that git does not list:
// the mark in it says that it is ours.
func (r *Repo) removeMarked(ctx context.Context, a Add) error {
	admin, ok := r.marked(a.Op)
	if !ok {
		return nil
	}
	if own, err := r.adminDir(a.Path); err == nil && own == admin {
		if err := os.RemoveAll(a.Path); err != nil {
			return err
		}
	}
	if w, ok, err := r.registered(ctx, a.Path); err == nil && ok && w.LockReason == LockReason(a.Op) {
		err = r.removeEntry(ctx, a.Path, a.Inherit)
		if _, still := r.marked(a.Op); !still {
			return err
		}
	}
	return os.RemoveAll(admin)
}

// marked finds the administrative directory which is locked with the mark of op.
func (r *Repo) marked(op string) (admin string, ok bool) {
	for _, admin := range r.adminDirs() {
		if reason, locked := lockReason(admin); locked && reason == LockReason(op) {
			return admin, true
		}
	}
	return "", false
}

// removeEntry drops the entry of a worktree whose directory is gone. The second
// --force is for a locked one. The caller holds the git lock. Once begun it is
// not cancelled: half an entry would be left.
func (r *Repo) removeEntry(ctx context.Context, path string, inherit []*os.File) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	return retry(ctx, nothing, func() error {
		_, err := r.git.run(ctx, call{
			args: []string{"worktree", "remove", "--force", "--force", "--", path},
			dir:  r.common, at: r.pin("", ""), op: true, registry: true, inherit: inherit,
		})
		return err
	})
}

// drop drops the entry of a worktree whose directory is gone, and no other (git
// worktree prune would drop the user's too). Without an entry there is nothing
// to do. It refuses with ErrPathExists when there is something at path and with
// ErrLocked when somebody locked the entry: its directory may be on a device
// that is not mounted.
func (r *Repo) drop(ctx context.Context, path string, inherit []*os.File) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	w, ok, err := r.registered(ctx, path)
	switch {
	case err != nil || !ok:
		return err
	case exists(path):
		return refuse(ErrPathExists, path)
	case w.Locked:
		return refuse(ErrLocked, w.LockReason)
	}
	if err := r.removeEntry(ctx, path, inherit); err != nil {
		return err
	}
	err = osfs.SyncDir(filepath.Join(r.common, "worktrees"))
	if errors.Is(err, os.ErrNotExist) {
		return osfs.SyncDir(r.common) // the last one takes the directory with it
	}
	return err
}
