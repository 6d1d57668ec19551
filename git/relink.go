package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// OwnerElsewhere is the git directory of another repository that has path for its
// worktree, as where this one is a copy of it; "" where there is none.
func (r *Repo) OwnerElsewhere(path string) string {
	admin := r.pointsTo(path)
	if admin == "" || r.isOwn(admin) || r.pathOf(admin) != realPath(path) {
		return ""
	}
	common, err := readSmall(filepath.Join(admin, "commondir"))
	if err != nil {
		return ""
	}
	return absolute(admin, common)
}

// pointsTo is the administrative directory that the .git file at path names; "" where
// there is no such file.
func (r *Repo) pointsTo(path string) string {
	pointer, err := readSmall(filepath.Join(path, ".git"))
	target, ok := strings.CutPrefix(pointer, "gitdir: ")
	if err != nil || !ok {
		return ""
	}
	return absolute(realPath(path), target)
}

func (r *Repo) isOwn(admin string) bool {
	return filepath.Dir(admin) == filepath.Join(r.common, "worktrees")
}

// within reports whether a path lies below the main checkout: there no other
// repository has a say, it can only have taken a worktree by git worktree repair.
func (r *Repo) within(path string) bool {
	rel, err := filepath.Rel(r.root, path)
	return err == nil && filepath.IsLocal(rel)
}

// CheckRelink says whether the directory at path is a worktree of this repository
// that lost its ties when it was moved by hand, or moved or copied along with the
// repository, or when a copy took it: it names an entry which this repository has,
// and nothing else is, or has, that entry's worktree. Else ErrNotWorktree.
func (r *Repo) CheckRelink(path string) error {
	_, err := r.lostEntry(path)
	return err
}

func (r *Repo) lostEntry(path string) (admin string, err error) {
	named := r.pointsTo(path)
	if named == "" || filepath.Base(filepath.Dir(named)) != "worktrees" {
		return "", fmt.Errorf("%w: %s has no .git file of a worktree", ErrNotWorktree, path)
	}
	admin = filepath.Join(r.common, "worktrees", filepath.Base(named))
	at, real := r.pathOf(admin), realPath(path)
	if owner := r.OwnerElsewhere(path); owner != "" && (at != real || !r.within(real)) {
		return "", fmt.Errorf("%w: %s belongs to %s", ErrNotWorktree, path, owner)
	}
	if at == "" {
		return "", fmt.Errorf("%w: the repository has no entry %s", ErrNotWorktree, filepath.Base(named))
	}
	if at != real && r.pointsTo(at) == admin {
		return "", fmt.Errorf("%w: the worktree of entry %s is %s", ErrNotWorktree, filepath.Base(named), at)
	}
	return admin, nil
}

// Relink ties the worktree at path and this repository together again, where
// CheckRelink allows it. Unlike git worktree repair it writes into no other
// repository, of which this one may be a copy.
func (r *Repo) Relink(ctx context.Context, path string) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.relink(path); err != nil {
		return fmt.Errorf("tie worktree %s to its repository: %w", path, err)
	}
	return nil
}

func (r *Repo) relink(path string) error {
	admin, err := r.lostEntry(path)
	if err != nil {
		return err
	}
	was, err := readSmall(filepath.Join(admin, "gitdir"))
	if err != nil {
		return err
	}
	relative, real := !filepath.IsAbs(nativePath(was)), realPath(path)
	if err := r.mendCommonDir(admin); err != nil {
		return err
	}
	if err := rewrite(filepath.Join(path, ".git"), "gitdir: "+link(real, admin, relative)+"\n"); err != nil {
		return err
	}
	if err := rewrite(filepath.Join(admin, "gitdir"), link(admin, filepath.Join(real, ".git"), relative)+"\n"); err != nil {
		return err
	}
	return flush(path, admin)
}

// entryNames tells by path which administrative directory is a worktree's.
func (r *Repo) entryNames() map[string]string {
	names := map[string]string{}
	for _, admin := range r.adminDirs() {
		if path := r.pathOf(admin); path != "" {
			names[path] = filepath.Base(admin)
		}
	}
	return names
}

// Strays lists the directories in parent that are worktrees of this repository which
// git looks for elsewhere.
func (r *Repo) Strays(parent string) (paths []string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if e.IsDir() && r.CheckWorktree(path) != nil && r.CheckRelink(path) == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// PointerFor is what the .git file of the worktree at path has to hold, by the entry
// that names it; "" where none does.
func (r *Repo) PointerFor(path string) string {
	if admin := r.entryOf(path); admin != "" {
		return "gitdir: " + gitPath(admin)
	}
	return ""
}

// EntryOf is the name of the entry that the .git file at path names; "" where there
// is none.
func (r *Repo) EntryOf(path string) string {
	if admin := r.pointsTo(path); admin != "" {
		return filepath.Base(admin)
	}
	return ""
}
