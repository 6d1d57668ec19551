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

// A git that is killed leaves its lock files, and nothing in them says whose
// they are. Only the operation that its git worked for may clear them, once
// nobody of it lives, and only those that are sure to be left: in the
// operation's own administrative directory, or on its own branch or the packed
// refs, made since the operation began, open in no process, and unchanged for staleAfter.
const staleAfter = time.Second

// staleLocks lists the lock files that a git of the add can have left.
func (r *Repo) staleLocks(a Add) []string {
	names := r.branchLocks(a.Branch)
	if admin, ok := r.ownEntry(a); ok {
		inside, _ := filepath.Glob(filepath.Join(admin, "*.lock")) // the pattern is well-formed
		names = append(names, inside...)
	}
	return names
}

func (r *Repo) branchLocks(branch string) []string {
	return []string{filepath.Join(r.common, "refs", "heads", filepath.FromSlash(branch)+".lock"), filepath.Join(r.common, "packed-refs.lock")}
}

// ClearBranchLocks removes the lock files that a killed git left when it changed
// the branch for an operation that began at since and of which nobody lives.
func (r *Repo) ClearBranchLocks(ctx context.Context, branch string, since time.Time) error {
	if err := CheckBranchName(branch); err != nil {
		return err
	}
	return clearStale(ctx, since, r.branchLocks(branch))
}

// ClearSnapshotLock removes the lock file that a killed git left when it wrote the
// snapshot of an operation that began at since and of which nobody lives.
func (r *Repo) ClearSnapshotLock(ctx context.Context, id string, since time.Time) error {
	if err := checkOp(id); err != nil {
		return err
	}
	return clearStale(ctx, since, []string{filepath.Join(r.common, filepath.FromSlash(SnapshotRef(id))+".lock")})
}

// sweepSnapshotLocks removes those that nobody recovers: a snapshot takes no hour
// between the lock on its ref and the end of git.
func (r *Repo) sweepSnapshotLocks() {
	left, _ := filepath.Glob(filepath.Join(r.common, filepath.FromSlash(snapshotRefs), "*.lock"))
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(name)
		}
	}
}

func clearStale(ctx context.Context, since time.Time, names []string) error {
	left := map[string]os.FileInfo{}
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && !info.ModTime().Before(since.Add(-staleAfter)) {
			left[name] = info
		}
	}
	if len(left) == 0 || since.IsZero() {
		return nil
	}
	if err := pause(ctx, staleAfter, staleAfter+staleAfter/4); err != nil {
		return err
	}
	var errs []error
	for name, before := range left {
		now, err := os.Lstat(name)
		if err == nil && os.SameFile(before, now) && now.ModTime().Equal(before.ModTime()) && !osfs.IsOpen(name) {
			errs = append(errs, os.Remove(name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clear lock files: %w", err)
	}
	return nil
}

// ownEntry finds the administrative directory of an add: by its mark, or, where
// git was killed before the mark was written, by its name and being unfinished.
func (r *Repo) ownEntry(a Add) (admin string, ok bool) {
	if admin, ok := r.marked(a.Op); ok {
		return admin, true
	}
	if a.Since.IsZero() {
		return "", false
	}
	for _, admin := range r.adminDirs() {
		info, err := os.Lstat(admin)
		if err != nil || exists(filepath.Join(admin, "index")) || info.ModTime().Before(a.Since.Add(-staleAfter)) {
			continue
		}
		path := r.pathOf(admin)
		if path == realPath(a.Path) || path == "" && strings.HasPrefix(filepath.Base(admin), filepath.Base(a.Path)) && unwritten(admin) {
			return admin, true
		}
	}
	return "", false
}

// unwritten reports that an administrative directory does not even say where its
// worktree is, and has not changed for a while.
func unwritten(admin string) bool {
	if content, err := os.ReadFile(filepath.Join(admin, "gitdir")); err == nil && len(content) > 0 {
		return false
	}
	if info, err := os.Lstat(admin); err == nil && time.Since(info.ModTime()) < staleAfter {
		time.Sleep(staleAfter)
	}
	info, err := os.Lstat(admin)
	return err == nil && time.Since(info.ModTime()) >= staleAfter
}

// discardUnmarked removes an entry of the add that git was killed in before it
// bore the mark.
func (r *Repo) discardUnmarked(ctx context.Context, a Add) error {
	admin, ok := r.ownEntry(a)
	if !ok {
		return nil
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return os.RemoveAll(admin)
}

// removePointer removes git's pointer from the directory of an add that is being
// recovered, if it is all that is there and leads nowhere, or was never written.
func (r *Repo) removePointer(a Add) {
	entries, err := os.ReadDir(a.Path)
	if a.Since.IsZero() || err != nil || len(entries) != 1 || entries[0].Name() != ".git" {
		return
	}
	pointer := filepath.Join(a.Path, ".git")
	content, err := readSmall(pointer)
	target, _ := strings.CutPrefix(content, "gitdir: ")
	admin := absolute(a.Path, target)
	if err == nil && (content == "" || filepath.Dir(admin) == filepath.Join(r.common, "worktrees") && !exists(admin)) {
		_ = os.Remove(pointer) // what stays is reported by the next add
	}
}

// BranchMarked reports whether some operation of ours made the branch, under the name
// that it has: the oldest entry of its reflog says so, and none that it was renamed.
func (r *Repo) BranchMarked(ctx context.Context, branch string) (bool, error) {
	maker, err := r.branchMaker(ctx, branch)
	if err != nil || !strings.HasSuffix(maker, markEmail("")) {
		return false, err
	}
	log, err := r.read(ctx, "reflog", "show", "--format=%gs", "refs/heads/"+branch, "--")
	if err != nil {
		return false, fmt.Errorf("read reflog of %s: %w", branch, err)
	}
	renamed := strings.Contains("\n"+string(log), "\nBranch: renamed refs/heads/") // refs.c; git translates no reflog
	return !renamed, nil
}
