package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// trashRef holds the commits of a removal until its trash is swept.
func trashRef(op string) string { return "refs/wt-mcp/trash/" + op }

// trashParents are where trash may lie: beside our other private files, or
// beside the worktree where that is on another file system.
func (r *Repo) trashParents(path string) []string {
	return []string{filepath.Join(r.common, dirName, "trash"), filepath.Join(filepath.Dir(path), ".trash")}
}

// trashOf finds the trash of an operation; "" if there is none.
func (r *Repo) trashOf(path, op string) string {
	for _, parent := range r.trashParents(path) {
		if dir := filepath.Join(parent, op); isDir(filepath.Join(dir, "files")) {
			return dir
		}
	}
	return ""
}

// setAside renames a worktree's directory into the trash.
func (r *Repo) setAside(path, op string) (trash string, err error) {
	var errs []error
	for _, parent := range r.trashParents(path) {
		trash := filepath.Join(parent, op)
		err := os.MkdirAll(parent, 0o777)
		if err == nil {
			err = os.Mkdir(trash, 0o700)
		}
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
	return os.Remove(trash)
}

// protect keeps under a ref what only the worktree's HEAD and index hold: the
// commits of a detached HEAD, and staged content. kept reports whether there was any.
func (r *Repo) protect(ctx context.Context, admin, op string) (kept bool, err error) {
	head, ref, err := r.head(ctx, admin)
	if err != nil {
		head, ref = "", "" // before the first commit HEAD holds nothing
	}
	keep := ""
	if ref == "HEAD" {
		keep = head
	}
	if staged := r.stagedTree(ctx, admin, head); staged != "" {
		if keep, err = r.commitTree(ctx, admin, staged, head); err != nil {
			return false, err
		}
	}
	if keep == "" {
		return false, nil
	}
	return true, retry(ctx, nothing, func() error {
		_, err := r.git.run(ctx, call{op: true, dir: r.common, env: r.pin("", ""),
			args: []string{"update-ref", "--no-deref", "--end-of-options", trashRef(op), keep}})
		return err
	})
}

// stagedTree is the tree of the index where it differs from HEAD's; "" where it
// does not, or where conflicts keep it from being a tree.
func (r *Repo) stagedTree(ctx context.Context, admin, head string) string {
	out, err := r.git.run(ctx, call{dir: r.common, env: r.pin(admin, ""), args: []string{"write-tree"}})
	tree := strings.TrimSpace(string(out))
	if err != nil || head == "" {
		return tree
	}
	out, err = r.git.run(ctx, call{dir: r.common, env: r.pin(admin, ""), args: []string{"rev-parse", "--verify", "--quiet", head + "^{tree}"}})
	if err == nil && strings.TrimSpace(string(out)) == tree {
		return ""
	}
	return tree
}

func (r *Repo) commitTree(ctx context.Context, admin, tree, parent string) (string, error) {
	args := []string{"commit-tree", "-m", "wt-mcp: what was staged in a removed worktree"}
	if parent != "" {
		args = append(args, "-p", parent)
	}
	env := append(r.pin(admin, ""), "GIT_AUTHOR_NAME=wt-mcp", "GIT_AUTHOR_EMAIL=trash@wt-mcp.invalid",
		"GIT_COMMITTER_NAME=wt-mcp", "GIT_COMMITTER_EMAIL=trash@wt-mcp.invalid")
	out, err := r.git.run(ctx, call{dir: r.common, env: env, args: append(args, tree)})
	return strings.TrimSpace(string(out)), err
}

// EmptyTrash deletes one trash for good, with the ref that protects its commits.
func (r *Repo) EmptyTrash(ctx context.Context, t Trash) error {
	if t.Dir == "" {
		return nil
	}
	op := filepath.Base(t.Dir)
	root, err := os.OpenRoot(filepath.Dir(t.Dir))
	if err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	defer root.Close()
	if err := root.RemoveAll(op); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	if checkOp(op) != nil {
		return nil
	}
	_, err = r.git.run(ctx, call{op: true, dir: r.common, env: r.pin("", ""),
		args: []string{"update-ref", "--no-deref", "-d", "--end-of-options", trashRef(op)}})
	return err
}

// SweepTrash deletes the trash of removals before the given time. beside is the
// directory that worktrees lie in: there may be trash too.
func (r *Repo) SweepTrash(ctx context.Context, beside string, before time.Time) error {
	var errs []error
	for _, parent := range r.trashParents(filepath.Join(beside, "x")) {
		entries, err := os.ReadDir(parent)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil && info.ModTime().Before(before) {
				errs = append(errs, r.EmptyTrash(ctx, Trash{Dir: filepath.Join(parent, entry.Name())}))
			}
		}
	}
	return errors.Join(errs...)
}
