package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

// Restore asks for a worktree to be brought back.
type Restore struct {
	Snapshot string     // its id
	Path     string     // absolute; must not exist; its parents are made
	Branch   string     // to make where the worktree's own cannot be used; "" for none
	Op       string     // unique id of the operation: the mark of what it makes
	Inherit  []*os.File // kept open by every git process that changes something (not on Windows)
	Since    time.Time  // for FinishRestore and UndoRestore: when the restore began
}

// Restored is what came back.
type Restored struct {
	Snapshot  Snapshot
	Branch    string   // that it is on; "" where HEAD is detached
	FromTrash bool     // with everything; else from the snapshot alone
	Notes     []string // where it is not as it was

	loose bool // what is under way must not come back to its branch
}

// RestoreWorktree brings back what a snapshot holds: from the trash of its
// removal while that is there, by renames, so with ignored files and times; else
// built from the snapshot alone, without what [Snapshot] says that it lacks.
// Files, their permission bits, the index, HEAD, and an operation under way are
// as they were. A lock on the worktree is not.
//
// It overwrites nothing: ErrPathExists, ErrRegistered. The branch is made again
// where it was deleted. Where it has moved since, or is checked out elsewhere,
// the worktree comes back on Branch, made at the commit it was on, or with a
// detached HEAD; Notes say so. It leaves nothing behind when it fails.
//
// Killed at any instant it leaves a prefix of: files that are built in the trash;
// the branch; an entry locked with LockReason(op); its directory; the lock
// removed. FinishRestore and UndoRestore go on from there.
func (r *Repo) RestoreWorktree(ctx context.Context, rs Restore) (Restored, error) {
	out, err := r.restore(ctx, rs)
	if err == nil {
		return out, nil
	}
	err = fmt.Errorf("restore snapshot %s: %w", rs.Snapshot, err)
	if checkOp(rs.Op) != nil {
		return Restored{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	return Restored{}, errors.Join(err, r.undoRestore(ctx, rs, out))
}

func (rs *Restore) check() error {
	err := errors.Join(checkOp(rs.Op), checkOp(rs.Snapshot))
	if rs.Branch != "" {
		err = errors.Join(err, CheckBranchName(rs.Branch))
	}
	if !filepath.IsAbs(rs.Path) || strings.ContainsRune(rs.Path, 0) || filepath.Dir(rs.Path) == rs.Path {
		err = errors.Join(err, fmt.Errorf("%w: worktree path %.200q", ErrInvalidName, rs.Path))
	}
	return err
}

func (r *Repo) restore(ctx context.Context, rs Restore) (out Restored, err error) {
	if err := rs.check(); err != nil {
		return out, err
	}
	if out.Snapshot, err = r.Snapshot(ctx, rs.Snapshot); err != nil {
		return out, err
	}
	if exists(rs.Path) {
		return out, refuse(ErrPathExists, rs.Path)
	}
	if r.entryOf(rs.Path) != "" {
		return out, refuse(ErrRegistered, rs.Path)
	}
	if err := os.MkdirAll(filepath.Dir(rs.Path), 0o777); err != nil {
		return out, err
	}
	if source := r.wholeTrash(out.Snapshot.Path, rs.Snapshot); source != "" {
		from, err := r.bring(ctx, rs, source)
		if err == nil {
			out.FromTrash = true
			out, err = r.place(ctx, rs, out, from)
		}
		var left *unfaithful
		if errors.As(err, &left) {
			out.Notes = append(out.Notes, left.Error())
		} else if !errors.Is(err, errSwept) {
			return out, err
		}
	}
	out.FromTrash = false
	home, notes, err := r.rebuild(ctx, rs, out.Snapshot)
	if out.Notes = append(out.Notes, notes...); err != nil {
		return out, err
	}
	return r.place(ctx, rs, out, halves{files: r.filesOf(home), git: filepath.Join(home, "git"), homes: []string{home}})
}

// errSwept is that the trash went meanwhile, to a sweep or to another restore.
var errSwept = errors.New("the trash is gone")

// wholeTrash finds the trash of a removal that has both of its parts.
func (r *Repo) wholeTrash(path, op string) string {
	dir := r.trashOf(path, op)
	if dir == "" || checkReal(filepath.Join(dir, "git")) != nil {
		return ""
	}
	return dir
}

// place chooses HEAD and puts both parts where they belong. It holds the git lock.
func (r *Repo) place(ctx context.Context, rs Restore, out Restored, source halves) (Restored, error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return out, err
	}
	defer unlock()
	if err := checkReal(source.files, source.git); errors.Is(err, os.ErrNotExist) {
		return out, fmt.Errorf("%w: %w", errSwept, err)
	} else if err != nil {
		return out, err
	}
	head, err := r.chooseHead(ctx, rs, &out)
	if err != nil {
		return out, err
	}
	if isDir(filepath.Join(r.common, "reftable")) {
		head = "" // there the file says nothing: it came back with the rest
	}
	admin, err := r.placeEntry(ctx, rs, source, out.Snapshot.Entry, head)
	if err != nil {
		return out, err
	}
	if out.loose {
		if err := cutLoose(admin, out.Snapshot.Head); err != nil {
			return out, errors.Join(err, os.Rename(admin, source.git))
		}
	}
	if err := r.moveFiles(source.files, rs.Path); err != nil {
		return out, errors.Join(err, os.Rename(admin, source.git))
	}
	if err := r.usable(ctx, rs.Path); err != nil {
		return out, errors.Join(err, takeBack(rs.Path, admin, source))
	}
	if err := flush(rs.Path, admin); err != nil {
		return out, err
	}
	return out, r.openRestored(admin, source.homes...)
}

// takeBack moves both parts to where they came from.
func takeBack(path, admin string, source halves) error {
	if err := osfs.RenameNew(path, source.files); err != nil {
		return err
	}
	return os.Rename(admin, source.git)
}

// moveFiles moves the directory to its place, unless there is something by now.
func (r *Repo) moveFiles(files, path string) error {
	err := osfs.RenameNew(files, path)
	if errors.Is(err, os.ErrExist) {
		return refuse(ErrPathExists, path)
	}
	return err
}

// openRestored removes the lock: the commit point of a restore, which does not fail
// after it.
func (r *Repo) openRestored(admin string, homes ...string) error {
	if err := os.Remove(filepath.Join(admin, "locked")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, home := range homes {
		r.clear(home)
	}
	_ = osfs.SyncDir(admin)
	return nil
}

// placeEntry moves the administrative directory among git's, under the name that
// it had or one like it.
func (r *Repo) placeEntry(ctx context.Context, rs Restore, source halves, name, head string) (admin string, err error) {
	for i := 0; ; i++ {
		admin := filepath.Join(r.common, "worktrees", name)
		if i > 0 {
			admin = fmt.Sprintf("%s%d", admin, i)
		}
		if exists(admin) {
			continue
		}
		if err := r.address(ctx, rs, source, admin, head); err != nil {
			return "", err
		}
		if err := r.enter(source.git, admin); !errors.Is(err, os.ErrExist) {
			return admin, err
		}
	}
}

// enter moves an administrative directory among git's. A git worktree prune removes
// the directory of all while it is empty.
func (r *Repo) enter(from, admin string) (err error) {
	for range 10 {
		if err = os.MkdirAll(filepath.Dir(admin), 0o777); err != nil {
			return err
		}
		if err = osfs.RenameNew(from, admin); !errors.Is(err, os.ErrNotExist) || !exists(from) {
			break
		}
	}
	return err
}

// address writes into both parts where they will be, and the mark.
func (r *Repo) address(ctx context.Context, rs Restore, source halves, admin, head string) error {
	path := realPath(rs.Path)
	relative, err := r.relativeLinks(ctx, source)
	if err != nil {
		return err
	}
	for _, f := range []struct{ name, content string }{
		{filepath.Join(source.git, "locked"), LockReason(rs.Op) + "\n"},
		{filepath.Join(source.git, originFile), rs.Snapshot + " " + rs.Op + "\n"},
		{filepath.Join(source.git, "commondir"), "../..\n"},
		{filepath.Join(source.git, "gitdir"), link(admin, filepath.Join(path, ".git"), relative) + "\n"},
		{filepath.Join(source.git, "HEAD"), head},
		{filepath.Join(source.files, ".git"), "gitdir: " + link(path, admin, relative) + "\n"},
	} {
		if f.content == "" {
			continue
		}
		if err := rewrite(f.name, f.content); err != nil {
			return err
		}
	}
	return r.addressModules(source, path, admin)
}

// gitPath is a path as git writes it on every system.
func gitPath(path string) string { return filepath.ToSlash(path) }

// rewrite replaces a file, or a link in its place.
func rewrite(name, content string) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == content && checkRegular(name) {
		return nil
	}
	temp := name + rewriting
	_ = os.Remove(temp)
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// cutLoose lets an operation under way end where no branch is: that one is used or
// has moved elsewhere, and must not be moved from two places (wt-status.c has the
// words for a rebase that began on no branch).
func cutLoose(admin, head string) error {
	for _, f := range []struct{ name, content string }{
		{"rebase-merge/head-name", "detached HEAD\n"}, {"rebase-apply/head-name", "detached HEAD\n"}, {"BISECT_START", head + "\n"},
	} {
		if name := filepath.Join(admin, filepath.FromSlash(f.name)); exists(name) {
			if err := rewrite(name, f.content); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkRegular(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// chooseHead decides what HEAD will be, makes the branch where that is needed,
// and notes what is other than it was. The caller holds the git lock. An empty
// answer leaves HEAD as it is.
func (r *Repo) chooseHead(ctx context.Context, rs Restore, out *Restored) (string, error) {
	s := out.Snapshot
	if s.Branch == "" {
		return detachedHead(s.Head), nil
	}
	problem, err := r.readyBranch(ctx, rs, s)
	switch {
	case err != nil:
		return "", err
	case s.Detached:
		if problem != "" {
			out.loose = true
			out.Notes = append(out.Notes, problem+", so the operation under way ends with a detached HEAD")
		}
		return detachedHead(s.Head), nil
	case problem == "":
		out.Branch = s.Branch
		return "ref: refs/heads/" + s.Branch + "\n", nil
	case s.Head == "":
		return "", refuse(ErrBranchExists, s.Branch)
	}
	if rs.Branch != "" && rs.Branch != s.Branch && r.createBranch(ctx, r.newBranch(rs, rs.Branch, s.Head)) == nil {
		out.Branch = rs.Branch
		out.Notes = append(out.Notes, fmt.Sprintf("%s, so it is on the new branch %s", problem, rs.Branch))
		return "ref: refs/heads/" + rs.Branch + "\n", nil
	}
	out.Notes = append(out.Notes, problem+", so HEAD is detached at "+s.Head)
	return detachedHead(s.Head), nil
}

func detachedHead(oid string) string {
	if oid == "" {
		return ""
	}
	return oid + "\n"
}

func (r *Repo) newBranch(rs Restore, name, oid string) Add {
	return Add{Branch: name, Commit: oid, Op: rs.Op, Inherit: rs.Inherit}
}

// readyBranch makes the branch of a snapshot where it is gone. problem says why
// it cannot be used.
func (r *Repo) readyBranch(ctx context.Context, rs Restore, s Snapshot) (problem string, err error) {
	oid, ok, err := r.Branch(ctx, s.Branch)
	switch {
	case err != nil:
		return "", err
	case !ok && s.BranchHead == "": // it never had a commit
		return "", nil
	case !ok:
		if err := r.createBranch(ctx, r.newBranch(rs, s.Branch, s.BranchHead)); err != nil {
			return fmt.Sprintf("branch %s cannot be made again", s.Branch), nil
		}
		return "", nil
	case oid != s.BranchHead:
		return fmt.Sprintf("branch %s has moved to %s since", s.Branch, oid), nil
	}
	user, err := r.userOf(ctx, s.Branch)
	if user != "" {
		problem = fmt.Sprintf("branch %s is checked out at %s", s.Branch, user)
	}
	return problem, err
}

// RestoredFrom gives the path of a worktree that came from the snapshot and is
// still there; "" where there is none.
func (r *Repo) RestoredFrom(snapshot string) string {
	for _, admin := range r.adminDirs() {
		note, err := readSmall(filepath.Join(admin, originFile))
		if id, _, _ := strings.Cut(note, " "); err == nil && id == snapshot && exists(r.pathOf(admin)) {
			return r.pathOf(admin)
		}
	}
	return ""
}
