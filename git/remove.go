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

	"wt-mcp/state/osfs"
)

// Remove asks for a worktree to be removed.
type Remove struct {
	Path    string
	Op      string          // unique id of the operation: names the trash and the snapshot
	Head    string          // the commit that HEAD has to be at until it is gone: else ErrBranchMoved; "" for any
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

// Trash is where a removed worktree went: Files is its directory, Dir/git its
// administrative directory with index, HEAD and logs. Files is Dir/files, or on
// another file system that one on which the worktree was. [Repo.RestoreWorktree]
// brings it back from there, and when the trash is gone from the snapshot.
type Trash struct {
	Dir      string
	Files    string
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
	l, err := r.checkRemovable(ctx, admin, rm, scan)
	if err == nil {
		err = r.mendCommonDir(admin)
	}
	if err != nil {
		return Trash{}, err
	}
	if l == nil {
		l, _ = r.look(ctx, admin, rm.Path, rm.Path, scan) // it must go even if git cannot read it
	}
	taken, err := r.capture(ctx, rm.capture(), admin, rm.Path, l, scan)
	if err == nil {
		err = rm.checkHead(taken)
	}
	if err != nil {
		return Trash{}, err
	}
	t, trash := Trash{}, ""
	if err = hold(admin, rm.Op); err == nil {
		trash, err = r.setAside(rm.Path, rm.Op)
	}
	if err == nil {
		t, err = r.retire(ctx, rm, admin, trash, taken)
	}
	if err != nil {
		return Trash{}, r.giveUp(ctx, rm, admin, trash, err)
	}
	t.since = began
	return t, nil
}

// retire looks a last time, now that nobody finds the directory any more and who
// was in it has gone, and moves the entry beside it.
func (r *Repo) retire(ctx context.Context, rm Remove, admin, trash string, taken *taking) (Trash, error) {
	files := r.filesOf(trash)
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
	if err := rm.checkHead(taken); err != nil {
		return Trash{}, err
	}
	s := taken.snap
	t := Trash{Dir: trash, Files: files, Snapshot: s, Bytes: taken.seen.bytes, Precious: !s.Plain || s.Detached || taken.look == nil || taken.look.precious()}
	return t, r.moveEntry(ctx, admin, trash)
}

// checkHead refuses a worktree whose HEAD is not where it has to be.
func (rm Remove) checkHead(taken *taking) error {
	if rm.Head == "" || taken.snap.Head == rm.Head {
		return nil
	}
	return refuse(ErrBranchMoved, "HEAD is at "+taken.snap.Head)
}

// holdsRepositories reports that there are submodules or other repositories in the
// worktree, whose commits no look at its files shows.
func (t *taking) holdsRepositories() bool {
	return t.look == nil || len(t.look.populated)+len(t.look.kept)+len(t.look.nested)+len(t.snap.Nested) > 0
}

// lookAgain refuses what has come in the way since, and takes the snapshot again if
// anything has changed.
func (r *Repo) lookAgain(ctx context.Context, rm Remove, admin, files string, taken *taking) (*taking, error) {
	scan, stop := startScan(ctx, files)
	defer stop()
	now, err := r.look(ctx, admin, files, rm.Path, scan)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err == nil && !rm.Force {
		err = errors.Join(now.clean(), r.checkWithin(ctx, now), r.checkHeld(ctx, now.status))
	}
	if err != nil && !rm.Force {
		return nil, err
	}
	if !taken.look.same(admin, now) || taken.changedSince(files) || !taken.sameNotes() {
		return r.capture(ctx, rm.capture(), admin, files, now, scan)
	}
	return taken, nil
}

// recapture takes the snapshot again, of what was changed at the last moment.
func (r *Repo) recapture(ctx context.Context, rm Remove, admin, files string) (*taking, error) {
	scan, stop := startScan(ctx, files)
	defer stop()
	l, _ := r.look(ctx, admin, files, rm.Path, scan) // as far as git can read it
	return r.capture(ctx, rm.capture(), admin, files, l, scan)
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
// (ErrMounted), what cannot be moved (ErrUnmovable), and without Force a lock (ErrLocked), an operation that is under
// way (ErrOperation), changes and untracked files whatever
// status.showUntrackedFiles and the index say (ErrDirty), what could not be looked at
// (ErrUnseen), submodules and other repositories
// within it that have work of their own (ErrSubmodules, ErrNested), and commits
// that nothing but the worktree's detached HEAD holds (ErrUnmerged). Ignored files
// are no reason. A directory that is gone can go.
func (r *Repo) CheckRemovable(ctx context.Context, rm Remove) error {
	admin, err := r.adminDir(rm.Path)
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNotWorktree) {
		return nil
	}
	if err == nil {
		wait, stop := (&scan{quick: true}).start(ctx, rm.Path)
		defer stop()
		_, err = r.checkRemovable(ctx, admin, rm, wait)
	}
	if err != nil {
		return fmt.Errorf("check worktree %s: %w", rm.Path, err)
	}
	return nil
}

// checkRemovable also gives what it saw, where it had to look.
func (r *Repo) checkRemovable(ctx context.Context, admin string, rm Remove, wait scanning) (*look, error) {
	if admin == r.common {
		return nil, refuse(ErrMainWorktree, rm.Path)
	}
	reason, locked := lockReason(admin)
	if locked && strings.HasPrefix(reason, LockReason("")) && reason != LockReason(rm.Op) {
		return nil, refuse(ErrLocked, reason)
	}
	if err := r.checkMounts(rm.Path); err != nil {
		return nil, err
	}
	if why := osfs.WhyStuck(rm.Path, filepath.Dir(rm.Path)); why != "" {
		return nil, refuse(ErrUnmovable, why)
	}
	if rm.Force {
		return nil, nil
	}
	return r.obstacles(ctx, admin, rm.Path, locked, reason, wait)
}

// checkClean refuses what has changes of the files at top that belong to admin, and
// what could not be looked at.
func (r *Repo) checkClean(ctx context.Context, admin, top string) error {
	l, err := r.glance(ctx, admin, top)
	if err != nil {
		return err
	}
	return l.clean()
}
