package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs/flock"
)

// Keep says what trash may stay.
type Keep struct {
	Before time.Time // older trash goes
	Bytes  int64     // where there is more, the oldest goes; 0 for any size

	// Busy, where it is set, says of the id of an operation or a snapshot that
	// somebody is at work on it: then its trash stays. It is asked again when
	// nobody finds the trash any more. It is called without a lock.
	Busy func(id string) bool
}

// parked ends the name of a trash that a sweep is about to delete and may put back.
const parked = ".parked"

// swept is one trash, as a sweep finds it.
type swept struct {
	parent, id string
	at         time.Time
}

func (s swept) dir() string { return filepath.Join(s.parent, s.id) }

// SweepTrash deletes the trash of removals that is too old or too much. beside is
// the directory that worktrees lie in: there may be trash too. A restore that begins
// at that moment finds its trash whole or not at all. One process sweeps at a time:
// for any other there is nothing to do.
func (r *Repo) SweepTrash(ctx context.Context, beside string, keep Keep) error {
	turn, err := r.openPrivate("sweep.lock")
	if err != nil {
		return err
	}
	defer freeLock(turn)
	if err := flock.TryLock(turn); errors.Is(err, flock.ErrHeld) {
		return nil
	} else if err != nil {
		return err
	}
	if keep.Busy == nil {
		keep.Busy = func(string) bool { return false }
	}
	var items []swept
	var errs []error
	for _, parent := range r.trashParents(filepath.Join(beside, "x")) {
		found, err := r.listTrash(ctx, parent)
		items, errs = append(items, found...), append(errs, err)
	}
	slices.SortFunc(items, func(a, b swept) int { return b.at.Compare(a.at) })
	var total int64
	for i, it := range items {
		if keep.Bytes > 0 && it.at.After(keep.Before) {
			total += r.weigh(ctx, it.dir())
		}
		// The newest stays whatever its size: nobody has had the time to undo it.
		if it.at.Before(keep.Before) || i > 0 && keep.Bytes > 0 && total > keep.Bytes {
			errs = append(errs, r.sweep(ctx, it, keep.Busy))
		}
	}
	return errors.Join(errs...)
}

// listTrash lists what is in a trash, after it has ended what a sweep that died has
// begun: what was parked is put back, what was to be deleted goes.
func (r *Repo) listTrash(ctx context.Context, parent string) (items []swept, err error) {
	if checkReal(filepath.Dir(parent), parent) != nil {
		return nil, nil
	}
	entries, err := os.ReadDir(parent)
	errs := []error{err}
	for _, entry := range entries {
		name := entry.Name()
		info, err := entry.Info()
		if err != nil || !info.IsDir() || checkOp(name) != nil || r.isAside(parent, name) {
			continue
		}
		if strings.HasSuffix(name, deleted) {
			errs = append(errs, r.deleteTree(ctx, filepath.Join(parent, name)))
			continue
		}
		id := strings.TrimSuffix(name, parked)
		if id != name {
			errs = append(errs, renameIn(parent, name, id))
		}
		items = append(items, swept{parent, id, info.ModTime()})
	}
	return items, errors.Join(errs...)
}

// isAside reports a directory that belongs to a home which is elsewhere.
func (r *Repo) isAside(parent, name string) bool {
	for _, tail := range []string{"", parked, deleted, parked + deleted} {
		if r.asideOf(filepath.Join(r.common, dirName, "trash", name+tail)) == filepath.Join(parent, name) {
			return true
		}
	}
	return false
}

// sweep deletes a trash, unless somebody is at work on it, now or when nobody finds
// it any more.
func (r *Repo) sweep(ctx context.Context, it swept, busy func(string) bool) error {
	if busy(it.id) {
		return nil
	}
	if err := r.checkMounts(it.dir()); err != nil {
		return err
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	err = renameIn(it.parent, it.id, it.id+parked)
	unlock()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && busy(it.id) {
		return renameIn(it.parent, it.id+parked, it.id)
	}
	if err == nil {
		err = r.deleteTree(ctx, it.dir()+parked)
	}
	return err
}

func renameIn(parent, from, to string) error {
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Rename(from, to)
}
