package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Remove asks for a worktree to be removed.
type Remove struct {
	Path    string
	Op      string          // unique id of the operation: names the trash and the snapshot
	Force   bool            // whatever is in the way, but for an add that is going on and for mounts
	Limit   int64           // as in [Capture]
	Meta    json.RawMessage // as in [Capture]
	Inherit []*os.File      // kept open by every git process that changes something (not on Windows)

	// Last, where it is set, is asked when the files have been moved to where it is
	// told and nobody finds them any more. Its error puts them back and is returned.
	// What is done there until it answers is looked at afterwards.
	Last func(files string) error
}

func (rm Remove) capture() Capture {
	return Capture{ID: rm.Op, Path: rm.Path, Limit: rm.Limit, Meta: rm.Meta, Inherit: rm.Inherit}
}

// Trash is where a removed worktree went: Dir/files is its directory, Dir/git
// its administrative directory with index, HEAD and logs. [Repo.RestoreWorktree]
// brings it back from there, and when the trash is gone from the snapshot.
type Trash struct {
	Dir      string
	Snapshot Snapshot // taken before anything went
	Precious bool     // it has what no commit on a branch has: changes, untracked or ignored files, repositories within
	Bytes    int64    // of the files in it, but of git directories within

	since time.Time // when the removal began to look
}

// RemoveWorktree takes a worktree away and destroys nothing: it takes a snapshot
// first, see [Repo.TakeSnapshot], then the directory and its entry go to the
// trash, each by one rename. The branch stays. It refuses what
// [Repo.CheckRemovable] refuses, also where it became so since. What was written
// or committed between the snapshot and the last look is in the trash, and in the
// snapshot, which is taken again. Until then the entry is locked with
// LockReason(op), unless it was locked before: git worktree prune leaves it.
//
// An error means that nothing was removed, unless it is a [*Stranded].
//
// A kill between the two renames leaves an entry without a directory;
// FinishRemove goes on from there. A directory that is gone already is no error:
// then only the entry goes, and Dir is empty.
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
	began := time.Now()
	scan, stop := startScan(ctx, rm.Path)
	defer stop()
	l, err := r.checkRemovable(ctx, admin, rm)
	if err == nil {
		err = r.mendCommonDir(admin)
	}
	if err != nil {
		return Trash{}, err
	}
	if l == nil {
		l = r.tryLook(ctx, admin, rm.Path, rm.Path)
	}
	taken, err := r.capture(ctx, rm.capture(), admin, rm.Path, l, scan)
	if err != nil {
		return Trash{}, err
	}
	if err := hold(admin, rm.Op); err != nil {
		return Trash{}, err
	}
	t := Trash{}
	trash, err := r.setAside(rm.Path, rm.Op)
	if err == nil {
		t, err = r.retire(ctx, rm, admin, trash, taken)
	}
	if err != nil {
		return Trash{}, r.giveUp(ctx, rm, admin, trash, err)
	}
	t.since = began
	return t, nil
}

// tryLook is look for a worktree that must go even if git cannot read it; then
// it is nil.
func (r *Repo) tryLook(ctx context.Context, admin, top, origin string) *look {
	if l, err := r.look(ctx, admin, top, origin); err == nil {
		return l
	}
	return nil
}

// retire looks a last time, now that nobody finds the directory any more and who
// was in it has gone, and moves the entry beside it.
func (r *Repo) retire(ctx context.Context, rm Remove, admin, trash string, taken *taking) (Trash, error) {
	files := filepath.Join(trash, "files")
	if err := r.checkMoved(admin, files, rm.Path); err != nil {
		return Trash{}, err
	}
	if rm.Last != nil {
		if err := rm.Last(files); err != nil {
			return Trash{}, err
		}
	}
	if _, err := os.Lstat(admin); err != nil {
		return Trash{}, err
	}
	if taken.holdsRepositories() || !taken.untouched(ctx, files) {
		var err error
		if taken, err = r.lookAgain(ctx, rm, admin, files, taken); err != nil {
			return Trash{}, err
		}
	}
	s := taken.snap
	t := Trash{Dir: trash, Snapshot: s, Bytes: taken.seen.bytes, Precious: !s.Plain || s.Detached || taken.look == nil || taken.look.precious()}
	return t, r.moveEntry(ctx, admin, trash)
}

// holdsRepositories reports that there are submodules or other repositories in the
// worktree, whose commits no look at its files shows.
func (t *taking) holdsRepositories() bool {
	return t.look == nil || len(t.look.populated)+len(t.look.kept)+len(t.snap.Nested) > 0
}

// lookAgain refuses what has come in the way since, and takes the snapshot again if
// anything has changed.
func (r *Repo) lookAgain(ctx context.Context, rm Remove, admin, files string, taken *taking) (*taking, error) {
	status, err := r.statusOf(ctx, admin, files, "--ignored=traditional", "--ignore-submodules=all")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err == nil && !rm.Force {
		now := &look{status: status, kept: gitDirs(filepath.Join(admin, "modules"))}
		if taken.look != nil {
			now.populated = populated(taken.look.entries, files, rm.Path)
		}
		err = errors.Join(now.dirty(), r.checkWithin(ctx, now, files, rm.Path), r.checkHeld(ctx, status))
	}
	if err != nil && !rm.Force {
		return nil, err
	}
	if err != nil || !taken.look.same(admin, status) || taken.changedSince(files) || !taken.sameNotes() {
		return r.recapture(ctx, rm, admin, files)
	}
	return taken, nil
}

// recapture takes the snapshot again, of what was changed at the last moment.
func (r *Repo) recapture(ctx context.Context, rm Remove, admin, files string) (*taking, error) {
	scan, stop := startScan(ctx, files)
	defer stop()
	return r.capture(ctx, rm.capture(), admin, files, r.tryLook(ctx, admin, files, rm.Path), scan)
}

// checkMoved makes sure that what was renamed is the worktree that was looked at,
// and not something that took its place.
func (r *Repo) checkMoved(admin, files, path string) error {
	info, err := os.Lstat(files)
	if err != nil {
		return err
	}
	pointer, err := readSmall(filepath.Join(files, ".git"))
	target, _ := strings.CutPrefix(pointer, "gitdir: ")
	if !info.IsDir() || err != nil || absolute(path, target) != admin {
		return fmt.Errorf("%w: %s was replaced meanwhile", ErrNotWorktree, path)
	}
	return nil
}

// CheckRemovable says whether a worktree may go: nil, or everything that stands
// against it, one *Refused each, joined. It refuses the main checkout
// (ErrMainWorktree), an add that is going on (ErrLocked), a mount in the directory
// (ErrMounted), and without Force a lock (ErrLocked), an operation that is under
// way (ErrOperation), changes and untracked files whatever
// status.showUntrackedFiles says (ErrDirty), submodules and other repositories
// within it that have work of their own (ErrSubmodules, ErrNested), and commits
// that nothing but the worktree's detached HEAD holds (ErrUnmerged). Ignored files
// are no reason. A directory that is gone can go.
func (r *Repo) CheckRemovable(ctx context.Context, rm Remove) error {
	admin, err := r.adminDir(rm.Path)
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNotWorktree) {
		return nil
	}
	if err == nil {
		_, err = r.checkRemovable(ctx, admin, rm)
	}
	if err != nil {
		return fmt.Errorf("check worktree %s: %w", rm.Path, err)
	}
	return nil
}

// checkRemovable also gives what it saw, where it had to look.
func (r *Repo) checkRemovable(ctx context.Context, admin string, rm Remove) (*look, error) {
	if admin == r.common {
		return nil, refuse(ErrMainWorktree, rm.Path)
	}
	reason, locked := lockReason(admin)
	if locked && strings.HasPrefix(reason, LockReason("")) && reason != LockReason(rm.Op) {
		return nil, refuse(ErrLocked, reason)
	}
	if err := r.checkMounts(rm.Path); err != nil || rm.Force {
		return nil, err
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
