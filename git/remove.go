package git

import (
	"bytes"
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
	Force   bool       // also with changes or submodules; never a locked one
	Inherit []*os.File // kept open by every git process that changes something (not on Windows)
}

// RemoveWorktree removes a worktree, its entry and its files; the branch stays.
// Like git worktree remove it refuses the main checkout (ErrMainWorktree), a
// locked worktree (ErrLocked), and without Force one with changes or untracked
// files (ErrDirty, whatever status.showUntrackedFiles says) or initialised
// submodules (ErrSubmodules). Like git it takes ignored files along, and
// commits of a detached HEAD: look first. A directory that is gone already is no
// error.
//
// The directory vanishes by one rename into <common dir>/wt-mcp/trash and is
// deleted from there without the git lock. Without Force it is looked at again
// after the rename and put back if somebody wrote to it meanwhile. A kill
// between leaves an entry without a directory; call it again then.
func (r *Repo) RemoveWorktree(ctx context.Context, rm Remove) error {
	if err := r.remove(ctx, rm); err != nil {
		return fmt.Errorf("remove worktree %s: %w", rm.Path, err)
	}
	return nil
}

func (r *Repo) remove(ctx context.Context, rm Remove) error {
	admin, err := r.adminDir(rm.Path)
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNotWorktree) {
		return r.drop(ctx, rm.Path, rm.Inherit)
	}
	if err != nil {
		return err
	}
	if admin == r.common {
		return refuse(ErrMainWorktree, rm.Path)
	}
	if reason, locked := lockReason(admin); locked {
		return refuse(ErrLocked, reason)
	}
	if !rm.Force {
		if err := r.checkRemovable(ctx, admin, rm.Path); err != nil {
			return err
		}
	}
	trash, err := r.setAside(rm.Path)
	if err != nil {
		return r.removeInPlace(ctx, rm)
	}
	if err := r.discard(ctx, rm, admin, trash); err != nil {
		return errors.Join(err, putBack(trash, rm.Path))
	}
	return os.RemoveAll(filepath.Dir(trash))
}

// discard looks a last time, then drops the entry.
func (r *Repo) discard(ctx context.Context, rm Remove, admin, trash string) error {
	if !rm.Force {
		if err := r.checkClean(ctx, admin, trash); err != nil {
			return err
		}
	}
	return r.drop(ctx, rm.Path, rm.Inherit)
}

// checkRemovable refuses what plain git worktree remove refuses.
func (r *Repo) checkRemovable(ctx context.Context, admin, path string) error {
	if err := r.checkClean(ctx, admin, path); err != nil {
		return err
	}
	if isDir(filepath.Join(admin, "modules")) {
		return refuse(ErrSubmodules, path)
	}
	out, err := r.git.run(ctx, call{args: []string{"ls-files", "--stage", "-z"}, dir: path, env: r.pin(admin, path)})
	if err != nil {
		return err
	}
	var populated []string
	for entry := range bytes.SplitSeq(out, []byte{0}) {
		_, name, _ := strings.Cut(string(entry), "\t")
		if strings.HasPrefix(string(entry), "160000 ") && exists(filepath.Join(path, filepath.FromSlash(name), ".git")) {
			populated = append(populated, name)
		}
	}
	if len(populated) > 0 {
		return refuse(ErrSubmodules, populated...)
	}
	return nil
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

// setAside renames a worktree's directory into our trash, which is on the same
// file system in all usual layouts.
func (r *Repo) setAside(path string) (trash string, err error) {
	parent := filepath.Join(r.common, dirName, "trash")
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return "", err
	}
	holder, err := os.MkdirTemp(parent, "*")
	if err != nil {
		return "", err
	}
	trash = filepath.Join(holder, "files")
	if err := os.Rename(path, trash); err != nil {
		_ = os.Remove(holder)
		return "", err
	}
	return trash, nil
}

// putBack undoes setAside, unless something else is at path by now: then the
// error says where the files are.
func putBack(trash, path string) error {
	if exists(path) {
		return fmt.Errorf("%w: the files of %s are in %s", ErrPathExists, path, trash)
	}
	if err := os.Rename(trash, path); err != nil {
		return fmt.Errorf("put back the files of %s: %w", path, err)
	}
	return os.Remove(filepath.Dir(trash))
}

// removeInPlace leaves all of it to git, for a directory which cannot be
// renamed into our trash: another file system, or files in use on Windows.
func (r *Repo) removeInPlace(ctx context.Context, rm Remove) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	args := []string{"worktree", "remove"}
	if rm.Force {
		args = append(args, "--force")
	}
	_, err = r.git.run(ctx, call{args: append(args, "--", rm.Path), dir: r.common, env: r.pin("", ""), op: true, inherit: rm.Inherit})
	return err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
