package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

// Stranded is the error of a removal that failed with the directory in the trash,
// where it could not be put back. Files says where it is. [Repo.RestoreWorktree]
// of Snapshot brings the worktree back; with everything if git's entry could be
// moved beside the files, which is Whole.
type Stranded struct {
	Files    string
	Snapshot string
	Whole    bool
	Err      error
}

// Error says where the files are.
func (e *Stranded) Error() string {
	return fmt.Sprintf("%v; the files are in %s", e.Err, e.Files)
}

// Unwrap gives what failed to errors.Is.
func (e *Stranded) Unwrap() error { return e.Err }

// giveUp puts back what a removal has moved, after it failed with cause.
func (r *Repo) giveUp(ctx context.Context, rm Remove, admin, trash string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if trash == "" {
		return errors.Join(r.forget(ctx, rm.Op, cause), release(admin, rm.Op))
	}
	var err error
	if _, err = os.Lstat(admin); err == nil {
		if err = r.putBack(trash, rm.Path); err == nil {
			return errors.Join(r.forget(ctx, rm.Op, cause), release(admin, rm.Op))
		}
		err = errors.Join(err, r.moveEntry(ctx, admin, trash))
	}
	return &Stranded{Files: r.filesOf(trash), Snapshot: rm.Op, Whole: isDir(filepath.Join(trash, "git")), Err: errors.Join(cause, err)}
}

// forget drops the snapshot of a removal that came to nothing: all of it is where it
// was. One that cannot be dropped does no harm. It gives back the cause.
func (r *Repo) forget(ctx context.Context, op string, cause error) error {
	if s, err := r.Snapshot(ctx, op); err == nil {
		_ = r.dropSnapshot(ctx, s)
	}
	return cause
}

// holding ends the name of what hold writes first, and rewriting what that does.
const (
	holding   = ".lock"
	rewriting = ".wt-mcp"
)

// hold locks an entry for an operation, so that no git worktree prune takes it while
// its directory is not there; unless somebody has locked it already.
func hold(admin, op string) error {
	name := filepath.Join(admin, "locked")
	if exists(name) {
		return nil
	}
	temp := name + holding
	if err := rewrite(temp, LockReason(op)+"\n"); err != nil {
		return fmt.Errorf("lock entry: %w", err)
	}
	err := osfs.RenameNew(temp, name)
	if err != nil {
		_ = os.Remove(temp)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("lock entry: %w", err)
	}
	return nil
}

// release takes the lock of an operation off again, and no other.
func release(admin, op string) error {
	if reason, locked := lockReason(admin); !locked || reason != LockReason(op) {
		return nil
	}
	if err := os.Remove(filepath.Join(admin, "locked")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unlock entry: %w", err)
	}
	return nil
}

// moveEntry takes the administrative directory out of git's sight by one rename.
// It fails only when that did not happen.
func (r *Repo) moveEntry(ctx context.Context, admin, trash string) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	moved := filepath.Join(trash, "git")
	if err := os.Rename(admin, moved); err != nil {
		return fmt.Errorf("move entry: %w", err)
	}
	_ = release(moved, filepath.Base(trash)) // a restore sets its own
	parent := filepath.Dir(admin)
	if os.Remove(parent) == nil { // git keeps no empty one either
		parent = r.common
	}
	_, _ = osfs.SyncDir(parent), osfs.SyncDir(trash) // what a power loss takes back, FinishRemove does again
	return nil
}

// FinishRemove goes on with a removal whose process died after the directory was
// gone: after its files went to the trash, whatever is at Path by now, which stays.
// It may be repeated. ErrPathExists: it had not got that far, and is undone. No
// other process may be working on the removal any more.
func (r *Repo) FinishRemove(ctx context.Context, rm Remove) (Trash, error) {
	t, err := r.finishRemove(ctx, rm)
	if err != nil {
		return Trash{}, fmt.Errorf("finish removal of %s: %w", rm.Path, err)
	}
	return t, nil
}

func (r *Repo) finishRemove(ctx context.Context, rm Remove) (Trash, error) {
	t := Trash{Dir: r.trashOf(rm.Path, rm.Op), Precious: true}
	switch {
	case t.Dir != "":
		return r.finishMoved(ctx, rm, t)
	case exists(rm.Path):
		if admin, err := r.adminDir(rm.Path); err == nil { // it may have died in hold
			_ = os.Remove(filepath.Join(admin, "locked"+holding))
			_ = os.Remove(filepath.Join(admin, "locked"+holding+rewriting))
		}
		for _, parent := range r.trashParents(rm.Path) {
			r.clear(filepath.Join(parent, rm.Op))
		}
		refused := refuse(ErrPathExists, rm.Path)
		if r.CheckWorktree(rm.Path) == nil {
			refused = r.forget(ctx, rm.Op, refused)
		}
		if admin, ok := r.marked(rm.Op); ok {
			refused = errors.Join(refused, release(admin, rm.Op))
		}
		return Trash{}, refused
	}
	t = Trash{}
	if s, err := r.Snapshot(ctx, rm.Op); err == nil {
		t.Snapshot = s
	}
	admin := r.entryOf(rm.Path)
	if admin == "" {
		return t, nil
	}
	if t.Snapshot.ID == "" { // the directory is gone; what git knows of it is not
		taken, err := r.capture(ctx, rm.capture(), admin, "", nil, nil)
		if err != nil {
			return t, err
		}
		t.Snapshot = taken.snap
	}
	if err := release(admin, rm.Op); err != nil {
		return t, err
	}
	return t, r.drop(ctx, rm.Path, rm.Inherit)
}

// finishMoved moves the entry after the files, and takes the snapshot again: somebody
// may have been at work in them until now.
func (r *Repo) finishMoved(ctx context.Context, rm Remove, t Trash) (Trash, error) {
	t.Files = r.filesOf(t.Dir)
	t.Bytes = r.weigh(ctx, t.Dir)
	admin := r.entryOfFiles(t.Dir, rm.Path)
	if admin != "" {
		ctx, cancel := context.WithTimeout(ctx, cleanupTime/2)
		_, _ = r.recapture(ctx, rm, admin, t.Files) // else the one that there is stays
		cancel()
	}
	if s, err := r.Snapshot(ctx, rm.Op); err == nil {
		t.Snapshot = s
	}
	if admin == "" {
		return t, nil
	}
	return t, r.moveEntry(ctx, admin, t.Dir)
}

// entryOfFiles finds the entry of a worktree at path whose files were moved; "" where
// it is gone too, or belongs to another one by now.
func (r *Repo) entryOfFiles(home, path string) string {
	pointer, err := readSmall(filepath.Join(r.filesOf(home), ".git"))
	target, _ := strings.CutPrefix(pointer, "gitdir: ")
	admin := absolute(path, target)
	if err != nil || filepath.Dir(admin) != filepath.Join(r.common, "worktrees") || r.pathOf(admin) != realPath(path) || isDir(filepath.Join(home, "git")) {
		return ""
	}
	return admin
}

// entryOf finds the administrative directory of a worktree whose own is gone.
func (r *Repo) entryOf(path string) string {
	for _, admin := range r.adminDirs() {
		if r.pathOf(admin) == realPath(path) {
			return admin
		}
	}
	return ""
}
