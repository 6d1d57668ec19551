package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Worktree is what git worktree list says of one worktree. Branch is the short
// name, empty when HEAD is detached; Head is empty before the first commit.
type Worktree struct {
	Path, Head, Branch string
	Entry              string // name of its administrative directory; "" for the main checkout
	Bare, Detached     bool
	Locked             bool
	LockReason         string
	Prunable           bool
	PrunableReason     string
}

// Worktrees lists all worktrees, the main checkout (or the bare repository)
// first. A worktree that AddWorktree has not finished is locked, with
// LockReason(op).
func (r *Repo) Worktrees(ctx context.Context) ([]Worktree, error) {
	var out []byte
	err := retry(ctx, nothing, func() (err error) {
		out, err = r.git.run(ctx, call{registry: true, dir: r.common, at: r.pin("", ""), args: []string{"worktree", "list", "--porcelain", "-z"}})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list worktrees: %w", err)
	}
	list, err := parseWorktrees(out)
	if err != nil {
		return nil, fmt.Errorf("list worktrees: %w", err)
	}
	if len(list) > 0 && !r.bare {
		list[0].Path = r.root // git guesses it from the common directory
	}
	names := r.entryNames()
	for i := range list {
		list[i].Entry = names[list[i].Path]
	}
	return list, nil
}

// LockReason is the reason of the lock on a worktree which operation op is
// still adding, restoring or removing.
func LockReason(op string) string { return "wt-mcp:" + op }

// parseWorktrees reads git worktree list --porcelain -z (git-worktree(1),
// PORCELAIN FORMAT): attributes end with NUL, records with one more. Attributes
// it does not know are skipped, since git adds some with new versions.
func parseWorktrees(out []byte) ([]Worktree, error) {
	var list []Worktree
	inRecord := false
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte{0})
		if !ok {
			return nil, fmt.Errorf("attribute %.100q has no end", line)
		}
		out = rest
		if len(line) == 0 {
			inRecord = false
			continue
		}
		key, value, _ := strings.Cut(string(line), " ")
		switch {
		case key == "worktree" && !inRecord:
			list = append(list, Worktree{Path: nativePath(value)})
			inRecord = true
		case !inRecord || key == "worktree":
			return nil, fmt.Errorf("attribute %.100q is out of place", line)
		default:
			list[len(list)-1].set(key, value)
		}
	}
	return list, nil
}

func (w *Worktree) set(key, value string) {
	switch key {
	case "HEAD":
		if strings.Trim(value, "0") != "" {
			w.Head = value
		}
	case "branch":
		w.Branch = strings.TrimPrefix(value, "refs/heads/")
	case "bare":
		w.Bare = true
	case "detached":
		w.Detached = true
	case "locked":
		w.Locked, w.LockReason = true, value
	case "prunable":
		w.Prunable, w.PrunableReason = true, value
	}
}

// registered finds the worktree at path.
func (r *Repo) registered(ctx context.Context, path string) (Worktree, bool, error) {
	list, err := r.Worktrees(ctx)
	if err != nil {
		return Worktree{}, false, err
	}
	path = realPath(path)
	for _, w := range list {
		if w.Path == path {
			return w, true, nil
		}
	}
	return Worktree{}, false, nil
}

// adminDir finds the administrative directory of the worktree whose top is
// path: <common>/worktrees/<id>, or the common directory for the main checkout
// (gitrepository-layout(5)). It believes the worktree's .git file only when it
// names a directory at exactly that place which names the worktree in return,
// so a .git file that was rewritten, or a symbolic link in place of the
// worktree, is ErrNotWorktree.
func (r *Repo) adminDir(path string) (string, error) {
	if !r.bare && realPath(path) == r.root {
		return r.common, nil
	}
	if info, err := os.Lstat(path); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", fmt.Errorf("%w: %s is no directory", ErrNotWorktree, path)
	}
	pointer, err := readSmall(filepath.Join(path, ".git"))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotWorktree, err)
	}
	target, ok := strings.CutPrefix(pointer, "gitdir: ")
	admin := absolute(path, target)
	if !ok || filepath.Dir(admin) != filepath.Join(r.common, "worktrees") {
		return "", fmt.Errorf("%w: %s belongs to another git directory", ErrNotWorktree, path)
	}
	if back := r.pathOf(admin); back != realPath(path) {
		return "", fmt.Errorf("%w: %s is registered for %q", ErrNotWorktree, admin, back)
	}
	return admin, nil
}

// CheckWorktree says whether path is the top of a worktree of this repository,
// the main checkout included: nil, ErrNotWorktree, or what reading it failed with
// (os.ErrNotExist where there is nothing). It runs no program.
func (r *Repo) CheckWorktree(path string) error {
	_, err := r.adminDir(path)
	return err
}

// BeingAdded reports whether an add, a restore or a removal of ours is going on, or
// has died half-way.
func (w Worktree) BeingAdded() bool { return strings.HasPrefix(w.LockReason, LockReason("")) }

// adminDirs lists the administrative directories of all linked worktrees, those
// that git does not list included.
func (r *Repo) adminDirs() []string {
	parent := filepath.Join(r.common, "worktrees")
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, entry := range entries {
		dirs = append(dirs, filepath.Join(parent, entry.Name()))
	}
	return dirs
}

// pathOf reads where the worktree of an administrative directory is; "" when it
// does not say.
func (r *Repo) pathOf(admin string) string {
	back, err := readSmall(filepath.Join(admin, "gitdir"))
	if err != nil {
		return ""
	}
	return filepath.Dir(absolute(admin, back))
}

// lockReason reads <admin>/locked (gitrepository-layout(5)).
func lockReason(admin string) (reason string, locked bool) {
	reason, err := readSmall(filepath.Join(admin, "locked"))
	return strings.TrimSpace(reason), err == nil
}

// readIn runs git in the worktree at path, which adminDir must accept.
func (r *Repo) readIn(ctx context.Context, path string, args ...string) ([]byte, error) {
	admin, err := r.adminDir(path)
	if err != nil {
		return nil, err
	}
	return r.git.run(ctx, call{args: args, dir: path, at: r.pin(admin, path)})
}

// absolute takes a path of git's relative to dir: git 2.48 writes relative ones.
func absolute(dir, path string) string {
	path = nativePath(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}

// realPath resolves symbolic links in the parents of path as git does before it
// registers a worktree. What does not exist stays as it is.
func realPath(path string) string {
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return filepath.Clean(path)
	}
	return filepath.Join(parent, filepath.Base(path))
}
