package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Finished is what became of a move whose process died.
type Finished struct {
	Landed   bool     // the branch has moved, and is at the new commit or beyond it
	Checkout string   // the worktree in which something was left to do; "" where nothing was
	Left     []string // paths there that the move changes, and that are the user's by now: they stay
}

// FinishMove goes on with a move whose process died at any instant: back, where the
// branch has not moved, else forward. It removes only locks of the move's. It may be
// repeated, and killed itself. The caller holds the branch's [TargetLock]; no process
// of the move is alive.
func (r *Repo) FinishMove(ctx context.Context, m Move) (Finished, error) {
	out, err := r.finishMove(ctx, m)
	if err != nil {
		return Finished{}, fmt.Errorf("finish move of %s: %w", m.Ref, err)
	}
	return out, nil
}

func (r *Repo) finishMove(ctx context.Context, m Move) (out Finished, err error) {
	if err := m.check(); err != nil {
		return out, err
	}
	admin := r.halfMoved(m.Op)
	if err := r.clearRefLocks(ctx, m, admin); err != nil {
		return out, err
	}
	if m.Merging != nil {
		out.Landed, err = r.merging(ctx, m)
	} else {
		out.Landed, err = r.holds(ctx, m.Ref, m.New)
	}
	if err != nil || admin == "" {
		return out, err
	}
	mv := &moving{Move: m, repo: r, admin: admin, top: r.topOf(admin)}
	out.Checkout = mv.top
	if mv.top == "" || !exists(mv.top) {
		return out, errors.Join(mv.unlockIndex(), mv.sweep())
	}
	out.Left, err = mv.finish(ctx, out.Landed)
	return out, err
}

// halfMoved finds the administrative directory of the checkout in which a move left
// something; "" where there is none.
func (r *Repo) halfMoved(op string) string {
	for _, admin := range append([]string{r.common}, r.adminDirs()...) {
		if ownsLock(admin, op) {
			return admin
		}
		left, _ := filepath.Glob(filepath.Join(escapeGlob(admin), "*."+op+"*"))
		for _, name := range left {
			if isMoveFile(filepath.Base(name)) {
				return admin
			}
		}
	}
	return ""
}

func isMoveFile(name string) bool {
	return strings.HasPrefix(name, "wt-mcp-index.") || strings.HasPrefix(name, "wt-mcp-move.") || strings.HasPrefix(name, "index.lock.")
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// holds reports whether the branch is at a commit or beyond it.
func (r *Repo) holds(ctx context.Context, ref, commit string) (bool, error) {
	_, now, err := r.target(ctx, ref)
	if errors.Is(err, ErrNoBranch) {
		return false, nil
	}
	if err != nil || now == commit {
		return err == nil, err
	}
	_, err = r.read(ctx, "merge-base", "--is-ancestor", commit, now)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}

// clearRefLocks removes what a git left that was killed while it moved the branch: a
// lock file that holds the new commit is the move's.
func (r *Repo) clearRefLocks(ctx context.Context, m Move, admin string) error {
	name := filepath.Join(r.common, filepath.FromSlash(m.Ref)+".lock")
	if text, err := readSmall(name); err == nil && text == m.New {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	locks := []string{name, filepath.Join(r.common, "HEAD.lock")}
	if admin != "" && admin != r.common {
		locks[1] = filepath.Join(admin, "HEAD.lock")
	}
	return clearStale(ctx, m.Since, locks)
}

// finish settles files and index under the lock, which is taken where somebody took
// ours away.
func (mv *moving) finish(ctx context.Context, forward bool) (left []string, err error) {
	if mv.changes, err = mv.repo.changes(ctx, mv.Old, mv.New); err != nil {
		return nil, err
	}
	if !ownsLock(mv.admin, mv.Op) {
		if begun, err := mv.begun(ctx); err != nil || !begun {
			return nil, errors.Join(err, mv.sweep())
		}
		if err := mv.lockIndex(ctx); err != nil {
			return nil, err
		}
	}
	if err := mv.copyIndex(); err != nil {
		return nil, err
	}
	if err := mv.readEntries(ctx); err != nil && !errors.Is(err, ErrConflicted) {
		return nil, err
	}
	touched := mv.touched()
	if left, err = mv.settle(ctx, touched, forward); err != nil {
		return nil, err
	}
	if err = mv.finishEntries(ctx, touched, forward); err == nil {
		_, _ = mv.run(ctx, nil, "update-index", "-q", "--refresh") // it fails where the user has changes
		err = mv.publishIfMade()
	}
	if err != nil {
		return nil, err
	}
	return left, errors.Join(mv.unlockIndex(), mv.sweep())
}

// finishEntries makes the private index that of the end that the move comes to.
func (mv *moving) finishEntries(ctx context.Context, touched []change, forward bool) error {
	if !forward {
		mv.unmerge()
		return nil
	}
	err := mv.writeEntries(ctx, touched)
	if err == nil && mv.Merging != nil {
		err = mv.writeConflicts(ctx)
	}
	return err
}

// begun reports whether a move without a lock had written files: git had the private
// index in its hands, or has left there what the new commit has.
func (mv *moving) begun(ctx context.Context) (bool, error) {
	if exists(mv.private()+".lock") || exists(mv.halves()) {
		return true, nil
	}
	if !exists(mv.private()) {
		return false, nil
	}
	if err := mv.readEntries(ctx); err != nil {
		return false, err
	}
	return len(mv.touched()) < len(mv.changes), nil
}

// publishIfMade is publish where there is an index at all.
func (mv *moving) publishIfMade() error {
	if !exists(mv.private()) {
		return nil
	}
	return mv.publish()
}

// writeEntries gives the private index what the new commit has at the paths of the
// move.
func (mv *moving) writeEntries(ctx context.Context, touched []change) error {
	var list strings.Builder
	for _, c := range touched {
		if c.new.none() {
			fmt.Fprintf(&list, "0 %s\t%s\x00", c.old.oid, c.path)
		} else {
			fmt.Fprintf(&list, "%s %s 0\t%s\x00", c.new.mode, c.new.oid, c.path)
		}
	}
	return mv.indexInfo(ctx, list.String())
}

// indexInfo puts entries into the private index (git-update-index(1), USING --INDEX-INFO).
func (mv *moving) indexInfo(ctx context.Context, list string) error {
	_, err := mv.repo.git.run(ctx, call{args: []string{"update-index", "-z", "--index-info"}, op: true, inherit: mv.Inherit, stdin: strings.NewReader(list),
		dir: mv.top, at: mv.repo.pin(mv.admin, mv.top), env: []string{"GIT_INDEX_FILE=" + mv.private()}})
	return err
}

// sweep removes what the move has kept beside the index.
func (mv *moving) sweep() error {
	mv.discard()
	_ = os.Remove(mv.indexLock() + "." + mv.Op)
	return os.RemoveAll(mv.halves())
}
