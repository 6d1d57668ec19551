package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

// A removed worktree has a home in a trash, a directory that is named by the
// operation: home/git is its entry, home/files its directory. Both got there by a
// rename, so where the directory was on another file system it lies in .trash beside
// its place, and the home says where. The two name each other: what only one of them
// says is not believed.
const (
	asideNote = "elsewhere" // in a home: where its files are
	ownerNote = "owner"     // beside those files: the repository whose home that is
	besideDir = ".trash"    // holds trash beside a worktree
)

// trashParents are where homes may lie: beside our other private files, or beside
// the worktree where there can be none.
func (r *Repo) trashParents(path string) []string {
	return []string{filepath.Join(r.Private(), "trash"), filepath.Join(filepath.Dir(path), besideDir)}
}

// trashOf finds the home of an operation's trash; "" if there is none. A link in its
// place is none.
func (r *Repo) trashOf(path, op string) string {
	for _, parent := range r.trashParents(path) {
		if home := filepath.Join(parent, op); checkReal(parent, home, r.filesOf(home)) == nil {
			return home
		}
	}
	return ""
}

// filesOf is where the files of a home are.
func (r *Repo) filesOf(home string) string {
	return filepath.Join(cmp.Or(r.asideOf(home), home), "files")
}

// asideOf is the directory on another file system that holds the files of a home; ""
// where there is none, or where that one does not say the same.
func (r *Repo) asideOf(home string) string {
	dir, err := readSmall(filepath.Join(home, asideNote))
	parent := filepath.Dir(dir)
	if err != nil || !filepath.IsAbs(dir) || filepath.Base(dir) != idOf(home) || filepath.Base(parent) != besideDir || checkReal(parent, dir) != nil {
		return ""
	}
	owner, err := readSmall(filepath.Join(dir, ownerNote))
	if err != nil || owner != r.common && exists(owner) { // a copied repository has no part in it, a moved one has
		return ""
	}
	return dir
}

// idOf is the operation of a home, whatever a sweep has made of its name.
func idOf(home string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(home), deleted), parked)
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
func (r *Repo) makeTrash(parent, op string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(parent), 0o777); err != nil {
		return "", err
	}
	dir, err := osfs.Open(filepath.Dir(parent))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	if err := dir.MkdirAll(filepath.Base(parent), 0o700, r.sharing()); err != nil {
		return "", err
	}
	if err := checkReal(filepath.Dir(parent), parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, op), os.Mkdir(filepath.Join(parent, op), 0o700)
}

// makeAside makes the directory beside path that holds the files of a home.
func (r *Repo) makeAside(path, home string) (dir string, err error) {
	dir = filepath.Join(filepath.Dir(path), besideDir, filepath.Base(home))
	if err := writeSynced(filepath.Join(home, asideNote), dir+"\n"); err != nil {
		return "", err
	}
	if _, err := r.makeTrash(filepath.Dir(dir), filepath.Base(dir)); err != nil {
		return "", err
	}
	return dir, writeSynced(filepath.Join(dir, ownerNote), r.common+"\n")
}

// writeSynced makes a file that outlasts a loss of power.
func writeSynced(name, content string) error {
	if err := rewrite(name, content); err != nil {
		return err
	}
	return errors.Join(syncFile(name), osfs.SyncDir(filepath.Dir(name)))
}

// setAside renames a worktree's directory into the trash, and gives its home there.
// Where it fails it leaves nothing behind.
func (r *Repo) setAside(path, op string) (home string, err error) {
	var errs []error
	for _, parent := range r.trashParents(path) {
		home, err := r.makeTrash(parent, op)
		if err == nil {
			if err = r.moveTo(path, home); err == nil {
				return home, errors.Join(osfs.SyncDir(filepath.Dir(path)), osfs.SyncDir(filepath.Dir(r.filesOf(home))), osfs.SyncDir(home), osfs.SyncDir(parent))
			}
			r.clear(home)
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("move to the trash: %w", errors.Join(errs...))
}

// moveTo renames a directory into a home, or beside its place where that is on
// another file system.
func (r *Repo) moveTo(path, home string) error {
	err := os.Rename(path, filepath.Join(home, "files"))
	if err == nil || filepath.Dir(home) == filepath.Join(filepath.Dir(path), besideDir) {
		return err
	}
	aside, errAside := r.makeAside(path, home)
	if errAside == nil {
		errAside = os.Rename(path, filepath.Join(aside, "files"))
	}
	if errAside != nil {
		return errors.Join(err, errAside)
	}
	return nil
}

// clear removes a home that holds nothing any more, and what held its files.
func (r *Repo) clear(home string) {
	aside := cmp.Or(r.asideOf(home), r.unmarkedAside(home))
	if aside != "" {
		if entries, err := os.ReadDir(aside); err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != ownerNote {
			return
		}
		_ = os.Remove(filepath.Join(aside, ownerNote))
		_ = os.Remove(aside) // of a directory: succeeds on an empty one only
		_ = os.Remove(filepath.Dir(aside))
	}
	entries, err := os.ReadDir(home)
	if err == nil && (len(entries) == 0 || len(entries) == 1 && entries[0].Name() == asideNote) {
		_ = os.Remove(filepath.Join(home, asideNote))
		_ = os.Remove(home)
	}
	if parent := filepath.Dir(home); filepath.Base(parent) == besideDir {
		_ = os.Remove(parent)
	}
}

// unmarkedAside is the empty directory that somebody died in making.
func (r *Repo) unmarkedAside(home string) string {
	dir, err := readSmall(filepath.Join(home, asideNote))
	if err != nil || filepath.Base(dir) != idOf(home) || filepath.Base(filepath.Dir(dir)) != besideDir {
		return ""
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return ""
	}
	return dir
}

// putBack undoes setAside, unless something else is at path by now: then the
// error says where the files are.
func (r *Repo) putBack(home, path string) error {
	files := r.filesOf(home)
	if exists(path) {
		return fmt.Errorf("%w: the files of %s are in %s", ErrPathExists, path, files)
	}
	if err := os.Rename(files, path); err != nil {
		return fmt.Errorf("put back the files of %s: %w", path, err)
	}
	r.clear(home)
	return nil
}

// EmptyTrash deletes one trash for good. The snapshot stays, and so does a trash that
// was not precious when it may be so by now: something in it has changed since its
// removal began, and git finds more in it than what was checked out. It follows no
// link, not even in the place of the trash itself, and refuses with ErrMounted what
// something is mounted in.
func (r *Repo) EmptyTrash(ctx context.Context, t Trash) error {
	if t.Dir == "" || !t.Precious && r.touched(ctx, t) && !r.asCheckedOut(ctx, t) {
		return nil
	}
	if err := r.deleteTree(ctx, t.Dir); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}

// touched reports that something in the trash may have changed since the removal
// began to look. That its directories were renamed does not count.
func (r *Repo) touched(ctx context.Context, t Trash) bool {
	if t.since.IsZero() {
		return false
	}
	for _, top := range []string{r.filesOf(t.Dir), filepath.Join(t.Dir, "git")} {
		wait, stop := startScan(ctx, top)
		seen, err := wait()
		stop()
		if err != nil || seen.gone || len(seen.unseen) > 0 {
			return true
		}
		for _, it := range seen.items {
			if !osfs.StatusChange(it.info).Before(t.since.Add(-clockTick)) {
				return true
			}
		}
	}
	return false
}

// asCheckedOut asks git whether the files of a trash are those of the commit that its
// worktree was at, and its HEAD on the branch that it was on. The branch may be gone.
func (r *Repo) asCheckedOut(ctx context.Context, t Trash) bool {
	admin := filepath.Join(t.Dir, "git")
	head, err := readSmall(filepath.Join(admin, "HEAD"))
	if err != nil || t.Snapshot.Branch == "" || strings.TrimSpace(head) != "ref: refs/heads/"+t.Snapshot.Branch {
		return false
	}
	l, err := r.glance(ctx, admin, r.filesOf(t.Dir))
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

// deleteTree deletes a home in a trash, and its files where they are elsewhere. It
// gets another name first, so that no restore is under way with half of it gone.
func (r *Repo) deleteTree(ctx context.Context, home string) error {
	parent, op := filepath.Dir(home), filepath.Base(home)
	if err := checkOp(op); err != nil {
		return err
	}
	if err := checkReal(filepath.Dir(parent), parent, home); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	r.clear(home) // of one that died in making it there may be nothing more
	if !exists(home) {
		return nil
	}
	aside := r.asideOf(home)
	if err := r.checkMounts(home); err != nil {
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
	if err := r.deleteAside(aside); err != nil {
		return err
	}
	return removeAll(root, op)
}

// deleteAside deletes the files of a home that are on another file system. Whose they
// are goes last.
func (r *Repo) deleteAside(dir string) error {
	if dir == "" {
		return nil
	}
	if err := r.checkMounts(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, part := range []string{"files", "files" + unfinished, ownerNote} {
		if err := removeAll(root, part); err != nil {
			return err
		}
	}
	_ = os.Remove(dir)
	_ = os.Remove(filepath.Dir(dir)) // unless there is more
	return nil
}

// removeAll deletes a tree, also where its directories take nothing.
func removeAll(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if errors.Is(err, os.ErrPermission) {
		unlockDirs(root, name)
		err = root.RemoveAll(name)
	}
	return err
}

// unlockDirs lets the owner write into directories that take nothing, as those
// of Go's module cache: nothing can be deleted in them otherwise.
func unlockDirs(root *os.Root, name string) {
	if info, err := root.Lstat(name); err != nil || !info.IsDir() {
		return
	}
	_ = root.Chmod(name, 0o700)
	dir, err := root.OpenRoot(name)
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := listDir(dir)
	for _, e := range entries {
		unlockDirs(dir, e.Name())
	}
}

// weigh adds up the files of a home.
func (r *Repo) weigh(ctx context.Context, home string) int64 {
	wait, stop := startScan(ctx, r.filesOf(home))
	defer stop()
	seen, _ := wait() // as far as it came
	return seen.bytes
}
