package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Remove asks for a worktree to be removed.
type Remove struct {
	Path    string
	Op      string     // unique id of the operation: names the trash and what protects its commits
	Force   bool       // whatever is in the way, but for an add that is going on
	Inherit []*os.File // kept open by every git process that changes something (not on Windows)

	// Last, where it is set, is asked when the files have been moved to where it is
	// told and nobody finds them any more. Its error puts them back and is returned.
	Last func(files string) error
}

// Trash is where a removed worktree went: Dir/files is its directory, Dir/git
// its administrative directory with index, HEAD and logs. Moved back to their
// places they are the worktree again. refs/wt-mcp/trash/<op> holds the commits
// and the staged content that no branch holds.
type Trash struct {
	Dir      string
	Ref      string // holds commits and staged content that no branch holds; "" where there were none
	Precious bool   // it has what no commit on a branch has: changes, untracked or ignored files, repositories within
}

// RemoveWorktree takes a worktree away and destroys nothing: see [Trash]. The
// branch stays. It refuses what [Repo.CheckRemovable] refuses, also where it
// became so since. The directory vanishes by one rename, the entry by another.
//
// A kill between the two leaves an entry without a directory; FinishRemove goes
// on from there. A directory that is gone already is no error: then only the
// entry goes, and Dir is empty.
func (r *Repo) RemoveWorktree(ctx context.Context, rm Remove) (Trash, error) {
	t, err := r.remove(ctx, rm)
	if err != nil {
		return Trash{}, fmt.Errorf("remove worktree %s: %w", rm.Path, err)
	}
	return t, nil
}

func (r *Repo) remove(ctx context.Context, rm Remove) (Trash, error) {
	if err := checkOp(rm.Op); err != nil {
		return Trash{}, err
	}
	admin, err := r.adminDir(rm.Path)
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNotWorktree) {
		return r.finishRemove(ctx, rm)
	}
	if err != nil {
		return Trash{}, err
	}
	if err := r.checkRemovable(ctx, admin, rm); err != nil {
		return Trash{}, err
	}
	kept := false
	if rm.Force {
		if kept, err = r.protect(ctx, admin, rm.Op); err != nil {
			return Trash{}, err
		}
	}
	trash, err := r.setAside(rm.Path, rm.Op)
	if err != nil {
		return Trash{}, err
	}
	t, err := r.retire(ctx, rm, admin, trash)
	if err != nil && exists(admin) {
		return Trash{}, errors.Join(err, putBack(trash, rm.Path))
	}
	if kept {
		t.Precious, t.Ref = true, trashRef(rm.Op)
	}
	return t, err
}

// retire looks a last time, now that nobody finds the directory any more, and
// moves the entry beside it.
func (r *Repo) retire(ctx context.Context, rm Remove, admin, trash string) (Trash, error) {
	files := filepath.Join(trash, "files")
	look, err := r.look(ctx, admin, files, rm.Path)
	if err == nil && !rm.Force {
		err = errors.Join(look.dirty(), r.checkWithin(ctx, look, files, rm.Path), r.checkHeld(ctx, look.status))
	}
	if err != nil && !rm.Force {
		return Trash{}, err
	}
	if rm.Last != nil {
		if err := rm.Last(files); err != nil {
			return Trash{}, err
		}
	}
	return Trash{Dir: trash, Precious: err != nil || look.precious()}, r.moveEntry(ctx, admin, trash)
}

// moveEntry takes the administrative directory out of git's sight by one rename.
func (r *Repo) moveEntry(ctx context.Context, admin, trash string) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Rename(admin, filepath.Join(trash, "git")); err != nil {
		return fmt.Errorf("move entry: %w", err)
	}
	parent := filepath.Dir(admin)
	if os.Remove(parent) == nil { // git keeps no empty one either
		parent = r.common
	}
	return errors.Join(syncDir(parent), syncDir(trash))
}

// FinishRemove goes on with a removal whose process died after the directory was
// gone. It may be repeated. ErrPathExists: it had not got that far.
func (r *Repo) FinishRemove(ctx context.Context, rm Remove) (Trash, error) {
	t, err := r.finishRemove(ctx, rm)
	if err != nil {
		return Trash{}, fmt.Errorf("finish removal of %s: %w", rm.Path, err)
	}
	return t, nil
}

func (r *Repo) finishRemove(ctx context.Context, rm Remove) (Trash, error) {
	if exists(rm.Path) {
		return Trash{}, refuse(ErrPathExists, rm.Path)
	}
	t := Trash{Dir: r.trashOf(rm.Path, rm.Op), Precious: true}
	if t.Dir == "" {
		t = Trash{}
	}
	admin := r.entryOf(rm.Path)
	if admin == "" {
		return t, nil
	}
	if t.Dir != "" {
		return t, r.moveEntry(ctx, admin, t.Dir)
	}
	kept, err := r.protect(ctx, admin, rm.Op)
	if err != nil {
		return t, err
	}
	if kept {
		t.Ref = trashRef(rm.Op)
	}
	return t, r.drop(ctx, rm.Path, rm.Inherit)
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

// CheckRemovable says whether a worktree may go: nil, or everything that stands
// against it, one *Refused each, joined. It refuses the main checkout
// (ErrMainWorktree), an add that is going on (ErrLocked), and without Force a lock
// (ErrLocked), an operation that is under way (ErrOperation), changes and
// untracked files whatever status.showUntrackedFiles says (ErrDirty), submodules
// and other repositories within it that have work of their own (ErrSubmodules,
// ErrNested), and commits that nothing but the worktree's detached HEAD holds
// (ErrUnmerged). Ignored files are no reason. A directory that is gone can go.
func (r *Repo) CheckRemovable(ctx context.Context, rm Remove) error {
	admin, err := r.adminDir(rm.Path)
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNotWorktree) {
		return nil
	}
	if err == nil {
		err = r.checkRemovable(ctx, admin, rm)
	}
	if err != nil {
		return fmt.Errorf("check worktree %s: %w", rm.Path, err)
	}
	return nil
}

func (r *Repo) checkRemovable(ctx context.Context, admin string, rm Remove) error {
	if admin == r.common {
		return refuse(ErrMainWorktree, rm.Path)
	}
	reason, locked := lockReason(admin)
	if locked && strings.HasPrefix(reason, LockReason("")) {
		return refuse(ErrLocked, reason)
	}
	if rm.Force {
		return nil
	}
	return r.obstacles(ctx, admin, rm.Path, locked, reason)
}

// checkClean refuses when git status has anything to say of the files at top
// that belong to admin.
func (r *Repo) checkClean(ctx context.Context, admin, top string) error {
	status, err := r.statusOf(ctx, admin, top)
	if err != nil {
		return err
	}
	if changed := status.Changed(); len(changed) > 0 {
		return refuse(ErrDirty, changed...)
	}
	return nil
}
