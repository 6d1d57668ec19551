package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// trashParents are where trash may lie: beside our other private files, or
// beside the worktree where that is on another file system.
func (r *Repo) trashParents(path string) []string {
	return []string{filepath.Join(r.common, dirName, "trash"), filepath.Join(filepath.Dir(path), ".trash")}
}

// trashOf finds the trash of an operation; "" if there is none. A link in its
// place is none.
func (r *Repo) trashOf(path, op string) string {
	for _, parent := range r.trashParents(path) {
		if dir := filepath.Join(parent, op); checkReal(parent, dir, filepath.Join(dir, "files")) == nil {
			return dir
		}
	}
	return ""
}

// checkReal refuses a path that is no directory, or a link to one.
func checkReal(dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is no directory", dir)
		}
	}
	return nil
}

// makeTrash makes a directory for an operation below a parent of ours.
func makeTrash(parent, op string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(parent), 0o777); err != nil {
		return "", err
	}
	if err := os.Mkdir(parent, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	if err := checkReal(filepath.Dir(parent), parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, op), os.Mkdir(filepath.Join(parent, op), 0o700)
}

// setAside renames a worktree's directory into the trash.
func (r *Repo) setAside(path, op string) (trash string, err error) {
	var errs []error
	for _, parent := range r.trashParents(path) {
		trash, err := makeTrash(parent, op)
		if err == nil {
			if err = os.Rename(path, filepath.Join(trash, "files")); err == nil {
				return trash, errors.Join(syncDir(filepath.Dir(path)), syncDir(trash), syncDir(parent))
			}
			_ = os.Remove(trash)
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("move to the trash: %w", errors.Join(errs...))
}

// putBack undoes setAside, unless something else is at path by now: then the
// error says where the files are.
func putBack(trash, path string) error {
	files := filepath.Join(trash, "files")
	if exists(path) {
		return fmt.Errorf("%w: the files of %s are in %s", ErrPathExists, path, files)
	}
	if err := os.Rename(files, path); err != nil {
		return fmt.Errorf("put back the files of %s: %w", path, err)
	}
	_ = os.Remove(trash)
	return nil
}

// EmptyTrash deletes one trash for good. The snapshot stays, and so does a trash that
// was not precious when it may be so by now: something in it has changed since its
// removal began, and git finds more in it than what was checked out. It follows no
// link, not even in the place of the trash itself, and refuses with ErrMounted what
// something is mounted in.
func (r *Repo) EmptyTrash(ctx context.Context, t Trash) error {
	if t.Dir == "" || !t.Precious && t.touched() && !r.asCheckedOut(ctx, t) {
		return nil
	}
	if err := r.deleteTree(ctx, t.Dir); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}

// touched reports that something in the trash may have changed since the removal
// began to look. That its directories were renamed does not count.
func (t Trash) touched() (touched bool) {
	if t.since.IsZero() {
		return false
	}
	for _, part := range []string{"files", "git"} {
		top := filepath.Join(t.Dir, part)
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || name == top {
				return err
			}
			info, err := d.Info()
			if err == nil && !StatusChange(info).Before(t.since.Add(-clockTick)) {
				touched, err = true, fs.SkipAll
			}
			return err
		})
		if touched = touched || err != nil; touched {
			break
		}
	}
	return touched
}

// asCheckedOut asks git whether the files of a trash are those of the commit that its
// worktree was at, and its HEAD on the branch that it was on. The branch may be gone.
func (r *Repo) asCheckedOut(ctx context.Context, t Trash) bool {
	admin := filepath.Join(t.Dir, "git")
	head, err := readSmall(filepath.Join(admin, "HEAD"))
	if err != nil || t.Snapshot.Branch == "" || strings.TrimSpace(head) != "ref: refs/heads/"+t.Snapshot.Branch {
		return false
	}
	l, err := r.glance(ctx, admin, filepath.Join(t.Dir, "files"))
	if err != nil {
		return false
	}
	l.status.Staged = nil // against a branch that may be gone
	if l.precious() {
		return false
	}
	_, err = r.git.run(ctx, call{dir: r.common, at: r.pin(admin, ""), args: []string{"diff-index", "--cached", "--quiet", t.Snapshot.Head, "--"}})
	return err == nil
}

// deleted ends the name of a trash that nobody can restore from any more.
const deleted = ".deleted"

// deleteTree deletes a directory of an operation in a trash. It gets another name
// first, so that no restore is under way with half of it gone.
func (r *Repo) deleteTree(ctx context.Context, dir string) error {
	parent, op := filepath.Dir(dir), filepath.Base(dir)
	if err := checkOp(op); err != nil {
		return err
	}
	if err := checkReal(filepath.Dir(parent), parent, dir); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := r.checkMounts(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	if !strings.HasSuffix(op, deleted) {
		unlock, err := r.lock(ctx)
		if err != nil {
			return err
		}
		err = root.Rename(op, op+deleted)
		unlock()
		if op += deleted; err != nil {
			return err
		}
	}
	if err = root.RemoveAll(op); errors.Is(err, os.ErrPermission) {
		unlockDirs(root, op)
		err = root.RemoveAll(op)
	}
	return err
}

// unlockDirs lets the owner write into directories that take nothing, as those
// of Go's module cache: nothing can be deleted in them otherwise.
func unlockDirs(root *os.Root, dir string) {
	if info, err := root.Lstat(dir); err != nil || !info.IsDir() {
		return
	}
	_ = root.Chmod(dir, 0o700)
	file, err := root.Open(dir)
	if err != nil {
		return
	}
	names, _ := file.Readdirnames(-1)
	file.Close()
	for _, name := range names {
		unlockDirs(root, filepath.Join(dir, name))
	}
}

// weigh adds up the files below dir.
func weigh(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}
