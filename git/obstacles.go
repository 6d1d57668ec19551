package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// obstacles looks for everything that stands against the removal of a worktree
// that is not forced. It also gives what it saw.
func (r *Repo) obstacles(ctx context.Context, admin, path string, locked bool, lock string, wait scanning) (*look, error) {
	var found []error
	if locked {
		found = append(found, refuse(ErrLocked, lock))
	}
	op, err := r.Operation(ctx, path)
	if err != nil {
		return nil, err
	}
	if op != "" {
		found = append(found, refuse(ErrOperation, op))
	}
	l, err := r.look(ctx, admin, path, path, wait)
	if err != nil {
		return nil, errors.Join(append(found, err)...)
	}
	return l, errors.Join(append(found, l.clean(), r.checkWithin(ctx, l), r.checkHeld(ctx, l.status))...)
}

// checkHeld refuses a detached HEAD with commits that no branch, tag or remote holds.
func (r *Repo) checkHeld(ctx context.Context, status Status) error {
	if status.Branch != "" || status.Head == "" {
		return nil
	}
	n, err := r.UniqueCommits(ctx, status.Head)
	if err == nil && n > 0 {
		return refuse(ErrUnmerged, fmt.Sprintf("%d commits up to %s", n, status.Head))
	}
	return err
}

// checkWithin refuses submodules and other repositories with work of their own.
func (r *Repo) checkWithin(ctx context.Context, l *look) error {
	submodules, err := r.workIn(ctx, l.populated)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, repo := range l.populated {
		seen[repo.gitDir] = true
	}
	for _, dir := range l.kept {
		if seen[dir] {
			continue
		}
		if own, err := r.ownCommits(ctx, dir); err != nil {
			return err
		} else if own > 0 {
			submodules = append(submodules, fmt.Sprintf("%s has %d commits that no remote has", filepath.Base(dir), own))
		}
	}
	others, err := r.workIn(ctx, l.nested)
	if err != nil {
		return err
	}
	return errors.Join(refuseAny(ErrSubmodules, submodules), refuseAny(ErrNested, others))
}

func refuseAny(reason error, what []string) error {
	if len(what) == 0 {
		return nil
	}
	return refuse(reason, what...)
}

// workIn says of each repository with work of its own what it has. One that git
// cannot read counts.
func (r *Repo) workIn(ctx context.Context, repos []repository) (found []string, err error) {
	for _, repo := range repos {
		what, err := r.work(ctx, repo)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			what = "cannot be read: " + err.Error()
		}
		if what != "" {
			found = append(found, repo.name+" "+what)
		}
	}
	return found, nil
}

// gitDirs finds the git directories of submodules, whose names may have slashes.
func gitDirs(modules string) (dirs []string, err error) {
	err = filepath.WalkDir(modules, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !exists(filepath.Join(path, "HEAD")) || !isDir(filepath.Join(path, "objects")) {
			return err
		}
		dirs = append(dirs, path)
		return fs.SkipDir
	})
	if errors.Is(err, fs.ErrNotExist) { // there may be none
		err = nil
	}
	return dirs, err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
