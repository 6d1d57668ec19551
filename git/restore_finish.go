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

// FinishRestore completes a restore whose process died after the entry was in its
// place. ErrIncomplete: it had not got that far, and there is something to undo.
// It may be repeated. No other process may be working on the restore any more.
func (r *Repo) FinishRestore(ctx context.Context, rs Restore) (Restored, error) {
	out, err := r.finishRestore(ctx, rs)
	if err != nil {
		return Restored{}, fmt.Errorf("finish restore of %s: %w", rs.Path, err)
	}
	return out, nil
}

func (r *Repo) finishRestore(ctx context.Context, rs Restore) (out Restored, err error) {
	if err := rs.check(); err != nil {
		return out, err
	}
	if out.Snapshot, err = r.Snapshot(ctx, rs.Snapshot); err != nil {
		return out, err
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return out, err
	}
	defer unlock()
	admin := r.entryOf(rs.Path)
	note, _ := readSmall(filepath.Join(admin, originFile))
	if admin == "" || note != rs.Snapshot+" "+rs.Op {
		return out, refuse(ErrIncomplete, "it is not in its place")
	}
	if !exists(rs.Path) {
		source := r.sourceOf(rs, out.Snapshot)
		if source == "" {
			return out, refuse(ErrIncomplete, "its files are gone")
		}
		if err := r.moveFiles(r.filesOf(source), rs.Path); err != nil {
			return out, err
		}
	}
	if _, err := r.adminDir(rs.Path); err != nil {
		return out, err
	}
	if err := flush(rs.Path, admin); err != nil {
		return out, err
	}
	if _, ref, err := r.head(ctx, admin); err == nil && ref != "HEAD" {
		out.Branch = strings.TrimPrefix(ref, "refs/heads/")
	}
	return out, r.openRestored(admin, r.homesOf(rs, out.Snapshot)...)
}

// sourceOf finds the files of a restore that died between its two renames.
func (r *Repo) sourceOf(rs Restore, s Snapshot) string {
	for _, dir := range []string{r.trashOf(rs.Path, rs.Op), r.trashOf(s.Path, rs.Snapshot)} {
		if dir == "" {
			continue
		}
		pointer, err := readSmall(filepath.Join(r.filesOf(dir), ".git"))
		if admin, _ := strings.CutPrefix(pointer, "gitdir: "); err == nil && absolute(realPath(rs.Path), admin) == r.entryOf(rs.Path) {
			return dir
		}
	}
	return ""
}

// homesOf are where a restore may have left a home that holds nothing any more.
func (r *Repo) homesOf(rs Restore, s Snapshot) (homes []string) {
	for _, parent := range r.trashParents(rs.Path) {
		homes = append(homes, filepath.Join(parent, rs.Op))
	}
	for _, parent := range r.trashParents(s.Path) {
		homes = append(homes, filepath.Join(parent, rs.Snapshot))
	}
	return homes
}

// UndoRestore takes back what a restore left behind whose process died, and only
// that: files built from the snapshot, a new branch that carries the mark. The
// trash of the removal stays. It may be repeated. A restore that FinishRestore
// can finish is not undone: ErrCheckedOut.
func (r *Repo) UndoRestore(ctx context.Context, rs Restore) error {
	if err := rs.check(); err != nil {
		return err
	}
	s, err := r.Snapshot(ctx, rs.Snapshot)
	if err != nil && !errors.Is(err, ErrNoSnapshot) {
		return err
	}
	if err := r.undoRestore(ctx, rs, Restored{Snapshot: s}); err != nil {
		return fmt.Errorf("undo restore of %s: %w", rs.Path, err)
	}
	return nil
}

func (r *Repo) undoRestore(ctx context.Context, rs Restore, out Restored) error {
	if admin, ok := r.marked(rs.Op); ok {
		return refuse(ErrCheckedOut, r.pathOf(admin))
	}
	s := out.Snapshot
	var errs []error
	if dir := r.trashOf(s.Path, rs.Snapshot); s.ID != "" && dir != "" {
		mark := filepath.Join(dir, "git", "locked")
		if content, err := os.ReadFile(mark); err == nil && bytes.Equal(bytes.TrimSpace(content), []byte(LockReason(rs.Op))) {
			errs = append(errs, os.Remove(mark))
		}
	}
	for _, parent := range r.trashParents(rs.Path) {
		if dir := filepath.Join(parent, rs.Op); checkReal(filepath.Dir(parent), parent, dir) == nil {
			errs = append(errs, r.deleteTree(ctx, dir))
		}
	}
	for branch, oid := range map[string]string{s.Branch: s.BranchHead, rs.Branch: s.Head} {
		if branch == "" || oid == "" {
			continue
		}
		if err := clearStale(ctx, rs.Since, r.branchLocks(branch)); err != nil {
			return err
		}
		mine, err := r.BranchMadeBy(ctx, branch, rs.Op)
		if err == nil && mine {
			err = r.DeleteBranch(ctx, branch, oid)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
