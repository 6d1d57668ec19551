package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs"
	"wt-mcp/state/osfs/flock"
)

// lockMark begins the lock file of a commit of ours; the id of its run follows.
const lockMark = "wt-mcp commit "

// lockWait is how long a commit waits for whoever has the index now.
const lockWait = 2 * time.Second

// lockIndex takes git's lock on the index of a worktree. The file says from its first
// moment whose it is, and is flocked as long as this process works on it.
func lockIndex(ctx context.Context, admin, id string) (*os.File, error) {
	dir, err := osfs.Open(admin)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := filepath.Join(admin, indexLock)
	for until := time.Now().Add(lockWait); ; {
		if err := putLock(dir, name, id); err == nil {
			if file, ok := openLock(name); ok { // unless somebody takes it for one that was left
				return file, nil
			}
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if time.Now().After(until) {
			return nil, refuse(ErrBusy, name)
		}
		if err := pause(ctx, 5*time.Millisecond, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// putLock makes the lock file, with all that it says, where there is none.
func putLock(dir *osfs.Dir, name, id string) error {
	made := commitLock + id
	if err := writeNew(dir, made, lockMark+id+"\n"); err != nil {
		return err
	}
	err := osfs.RenameNew(filepath.Join(dir.Path(), made), name)
	if err != nil {
		_ = dir.Remove(made)
	}
	return err
}

// openLock opens a lock of ours for its only owner; not where one lives.
func openLock(name string) (*os.File, bool) {
	file, err := osfs.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, false
	}
	mark := make([]byte, len(lockMark))
	if _, err := io.ReadFull(file, mark); err != nil || string(mark) != lockMark || flock.TryLock(file) != nil {
		file.Close()
		return nil, false
	}
	opened, err := file.Stat()
	if now, e := os.Lstat(name); err != nil || e != nil || !os.SameFile(opened, now) {
		freeLock(file)
		return nil, false
	}
	return file, true
}

// copyIndex makes a copy of the index of a worktree; of none where there is none.
func copyIndex(admin string, dir *osfs.Dir, name string) error {
	_ = dir.Remove(name)
	from, err := osfs.OpenFile(filepath.Join(admin, "index"), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Chmod(info.Mode().Perm()), to.Close(), sameAge(filepath.Join(dir.Path(), name), from))
}

// Settle finds out whether the commit was made, once the git that was to make it is
// gone: the index is put in its place then, else dropped. It returns the commit, or
// "". It may be called again.
func (c *OpenCommit) Settle(ctx context.Context) (string, error) {
	commit, err := c.made(ctx)
	if err != nil {
		return "", fmt.Errorf("find commit in %s: %w", c.at.top, err)
	}
	staged := filepath.Join(c.at.admin, commitIndex)
	if commit == "" || !exists(staged) {
		return commit, nil
	}
	if err := os.Rename(staged, filepath.Join(c.at.admin, "index")); err != nil {
		return commit, fmt.Errorf("put index in place: %w", err)
	}
	return commit, osfs.SyncDir(c.at.admin)
}

// made is the commit that HEAD went to from where it was.
func (c *OpenCommit) made(ctx context.Context) (string, error) {
	head := "HEAD"
	args := []string{"rev-list", "--first-parent", "--parents", "--reverse"}
	if c.Before == "" {
		oid, _, err := c.repo.head(ctx, c.at.admin)
		if err != nil {
			if errors.Is(err, ErrNoCommits) {
				err = nil
			}
			return "", err
		}
		head = oid
	} else {
		args = append(args, "^"+c.Before)
	}
	out, err := c.repo.git.run(ctx, call{dir: c.repo.common, at: c.repo.pin(c.at.admin, ""), args: append(args, head, "--")})
	first, _, _ := strings.Cut(string(out), "\n")
	ids := strings.Fields(first)
	switch {
	case err != nil, len(ids) == 0, len(ids) == 1 && c.Before != "", len(ids) > 1 && ids[1] != c.Before:
		return "", err
	}
	return ids[0], nil
}

// Release gives the index up, and removes what is left of the commit.
func (c *OpenCommit) Release() {
	if c.lock == nil {
		return
	}
	for _, name := range []string{commitIndex, commitIndex + ".lock", commitMessage, commitPaths} {
		_ = os.Remove(filepath.Join(c.at.admin, name))
	}
	name := filepath.Join(c.at.admin, indexLock)
	if opened, err := c.lock.Stat(); err == nil {
		if now, err := os.Lstat(name); err == nil && os.SameFile(opened, now) {
			c.lock.Close() // Windows removes no open file
			_ = os.Remove(name)
		}
	}
	freeLock(c.lock)
	c.lock = nil
}

// AbandonedCommit finds the commit of a process that died, for Settle and Release;
// nil where there is none. Locks that its git left on branch and HEAD are cleared. going
// reports whether the run of that id goes on.
func (r *Repo) AbandonedCommit(ctx context.Context, path string, going func(id string) bool) (c *OpenCommit, id string, err error) {
	admin, err := r.adminDir(path)
	if err != nil {
		return nil, "", err
	}
	name := filepath.Join(admin, indexLock)
	if id, _ = lockedBy(name); id == "" {
		return nil, "", nil
	}
	file, ok := openLock(name)
	if !ok {
		return nil, "", nil
	}
	id, before := lockedBy(name)
	if id == "" || going(id) {
		freeLock(file)
		return nil, "", nil
	}
	c = &OpenCommit{repo: r, at: r.pin(admin, path), lock: file}
	if c.Before, ok = strings.CutPrefix(before, "from "); !ok { // the run had not begun
		c.Release()
		return nil, "", nil
	}
	if err := c.clearLocks(ctx); err != nil {
		freeLock(file)
		return nil, "", err
	}
	return c, id, nil
}

// clearLocks removes what the killed git that committed left locked: the branch and HEAD.
func (c *OpenCommit) clearLocks(ctx context.Context) error {
	began, err := c.lock.Stat()
	if err != nil {
		return err
	}
	ref, err := c.repo.headRef(ctx, c.at.admin)
	if err != nil {
		return err
	}
	names := []string{filepath.Join(c.at.admin, "HEAD.lock")}
	if branch := branchOf(ref); branch != "" {
		names = append(names, c.repo.branchLocks(branch)...)
	}
	return clearStale(ctx, began.ModTime(), names)
}

// LeftCommit reports whether AbandonedCommit would find one, or a lock of one that had not
// begun. It changes nothing.
func (r *Repo) LeftCommit(path string, going func(id string) bool) bool {
	admin, err := r.adminDir(path)
	if err != nil {
		return false
	}
	name := filepath.Join(admin, indexLock)
	id, _ := lockedBy(name)
	if id == "" || going(id) {
		return false
	}
	file, ok := openLock(name)
	if ok {
		freeLock(file)
	}
	return ok
}

// lockedBy reads a lock of ours: the run, and the line that says from where its
// commit went out.
func lockedBy(name string) (id, from string) {
	text, err := readSmall(name)
	rest, ours := strings.CutPrefix(text, lockMark)
	if err != nil || !ours {
		return "", ""
	}
	id, from, _ = strings.Cut(rest, "\n")
	return id, from
}
