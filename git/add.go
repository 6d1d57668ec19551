package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"wt-mcp/state/osfs"
)

// cleanupTime bounds an undo, which runs on after its caller's context ended.
const cleanupTime = 30 * time.Second

// Add asks for a worktree at Path on Branch.
type Add struct {
	Path      string     // absolute; must not exist; its parents are made
	Branch    string     // short name
	Commit    string     // full object id; with NewBranch where it starts, else "" or where it must be
	NewBranch bool       // make the branch; else it must exist
	Op        string     // unique id of the operation: the mark of what it makes
	Inherit   []*os.File // kept open by every git process that changes something (not on Windows)
	Since     time.Time  // for FinishAdd and UndoAdd: when the add began, see stale.go

	// Fill, where it is set, adds to the files that are checked out, before the
	// worktree counts as complete; FinishAdd may call it again. Its error undoes
	// the add.
	Fill func(context.Context) error
}

// made is what an add has made, or may have made, so far.
type made struct{ dir, branch, entry bool }

// AddWorktree makes a worktree and checks it out in full, or leaves nothing of
// it behind, also when ctx ends: it has its own, bounded time to clean up. The
// parents of Path that it made stay.
//
// It refuses with ErrPathExists, ErrRegistered (a worktree that is missing at
// that path), ErrBranchExists, ErrNoBranch, ErrBranchConflict, ErrBranchMoved
// (an existing branch is not at Commit), ErrCheckedOut or ErrInvalidName;
// What names the obstacle. The branch gets no upstream, submodules are not
// initialised, hooks do not run.
//
// Killed at any instant it leaves a prefix of: an empty directory; the branch;
// a worktree that is locked with LockReason(op); its files; the lock removed.
func (r *Repo) AddWorktree(ctx context.Context, a Add) error {
	if err := a.check(); err != nil {
		return err
	}
	var m made
	err := r.add(ctx, a, &m)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if e := r.undo(ctx, a, m); e != nil {
		err = errors.Join(err, fmt.Errorf("clean up: %w", e))
	}
	return fmt.Errorf("add worktree %s: %w", a.Path, err)
}

func (a *Add) check() error {
	err := errors.Join(CheckBranchName(a.Branch), checkOp(a.Op))
	if !filepath.IsAbs(a.Path) || strings.ContainsRune(a.Path, 0) || filepath.Dir(a.Path) == a.Path {
		err = errors.Join(err, fmt.Errorf("%w: worktree path %.200q", ErrInvalidName, a.Path))
	}
	if !isObjectID(a.Commit) && (a.NewBranch || a.Commit != "") {
		err = errors.Join(err, fmt.Errorf("%w: commit %.100q is no full object id", ErrInvalidName, a.Commit))
	}
	return err
}

func (r *Repo) add(ctx context.Context, a Add, m *made) error {
	if err := makeDir(a.Path); err != nil {
		return err
	}
	m.dir = true
	if err := r.register(ctx, a, m); err != nil {
		return err
	}
	admin, err := r.adminDir(a.Path)
	if err != nil {
		return err
	}
	checked := make(chan error, 2)
	go func() { checked <- flush(a.Path, admin) }()
	go func() { checked <- r.verifyHead(ctx, a, admin) }() // the checkout moves no ref
	err = r.checkout(ctx, a, admin)
	if err = errors.Join(err, <-checked, <-checked); err != nil {
		return err
	}
	return r.finish(ctx, a, admin)
}

// makeDir makes path, which proves that it is ours to remove.
func makeDir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("make parent directory: %w", err)
	}
	err := os.Mkdir(path, 0o777)
	if errors.Is(err, os.ErrExist) {
		return refuse(ErrPathExists, path)
	}
	return err
}

// register does the short steps that need the git lock.
func (r *Repo) register(ctx context.Context, a Add, m *made) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if a.NewBranch {
		err := r.createBranch(ctx, a)
		m.branch = err == nil || exitCode(err) < 0 // a git that was killed did not say
		if err != nil {
			return cmp.Or(r.branchObstacle(ctx, a.Branch), err)
		}
	} else if err := r.branchReady(ctx, a); err != nil {
		return err
	}
	m.entry = true
	if err := r.addEntry(ctx, a); err != nil {
		return r.entryObstacle(ctx, a, err)
	}
	return nil
}

// branchReady checks an existing branch: left to itself, git worktree add makes
// a missing one from a remote's, or takes a tag of that name.
func (r *Repo) branchReady(ctx context.Context, a Add) error {
	oid, ok, err := r.Branch(ctx, a.Branch)
	switch {
	case err != nil:
		return err
	case !ok:
		return refuse(ErrNoBranch, a.Branch)
	case a.Commit != "" && oid != strings.ToLower(a.Commit):
		return refuse(ErrBranchMoved, a.Branch+" is at "+oid)
	}
	return nil
}

// addEntry registers the worktree, with no files in it, locked from the first
// moment with our mark.
func (r *Repo) addEntry(ctx context.Context, a Add) error {
	cleanup := func() error { return r.removeMarked(ctx, a) }
	return retry(ctx, cleanup, func() error {
		_, err := r.git.run(ctx, call{
			args: []string{"worktree", "add", "--no-checkout", "--lock", "--reason", LockReason(a.Op), "--", a.Path, a.Branch},
			dir:  r.common, at: r.pin("", ""), op: true, registry: true, inherit: a.Inherit,
		})
		return err
	})
}

// entryObstacle finds the fact behind a failed addEntry.
func (r *Repo) entryObstacle(ctx context.Context, a Add, err error) error {
	if w, ok, e := r.registered(ctx, a.Path); e == nil && ok && w.LockReason != LockReason(a.Op) {
		return refuse(ErrRegistered, w.Path)
	}
	if path, e := r.userOf(ctx, a.Branch); e == nil && path != "" && path != realPath(a.Path) {
		return refuse(ErrCheckedOut, path)
	}
	if entries, e := os.ReadDir(a.Path); e == nil && len(entries) > 0 && !exists(filepath.Join(a.Path, ".git")) {
		return refuse(ErrPathExists, a.Path)
	}
	return err
}

// checkout writes the files as git worktree add does it (builtin/worktree.c),
// outside of the git lock.
func (r *Repo) checkout(ctx context.Context, a Add, admin string) error {
	_, err := r.git.run(ctx, call{
		args: []string{"reset", "--hard", "--quiet", "--no-recurse-submodules"},
		dir:  a.Path, at: r.pin(admin, a.Path), op: true, inherit: a.Inherit,
	})
	if exitCode(err) > 0 && r.waitsForApproval(ctx) {
		err = fmt.Errorf("%w: %w", ErrPromised, err)
	}
	return err
}

// flush makes what git has written without a flush durable: the files that tie
// the worktree and the repository together, and the directories they are in. It
// flushes all at once, because a journal commits what comes together once.
func flush(path, admin string) error {
	var group sync.WaitGroup
	var errs [8]error
	each := func(i int, sync func(string) error, name string) { group.Go(func() { errs[i] = sync(name) }) }
	for i, name := range []string{filepath.Join(path, ".git"), filepath.Join(admin, "HEAD"), filepath.Join(admin, "gitdir"), filepath.Join(admin, "commondir")} {
		each(i, syncFile, name)
	}
	for i, dir := range []string{path, filepath.Dir(path), admin, filepath.Dir(admin)} {
		each(4+i, osfs.SyncDir, dir)
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("flush worktree: %w", err)
	}
	return nil
}

func syncFile(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// FinishAdd completes an add whose process died after the checkout: it checks
// that the worktree is registered, on its branch at its commit, with an index,
// and removes our lock. ErrIncomplete or ErrNotWorktree say that there is
// something to undo. On a worktree that is complete it changes nothing. No
// other process may be working on the add any more.
func (r *Repo) FinishAdd(ctx context.Context, a Add) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := clearStale(ctx, a.Since, r.staleLocks(a)); err != nil {
		return fmt.Errorf("finish worktree %s: %w", a.Path, err)
	}
	admin, err := r.adminDir(a.Path)
	if err == nil {
		err = r.verifyHead(ctx, a, admin)
	}
	if err == nil {
		err = r.finish(ctx, a, admin)
	}
	if err != nil {
		return fmt.Errorf("finish worktree %s: %w", a.Path, err)
	}
	return nil
}

// finish fills a worktree that is checked out and removes our lock from it: the
// commit point of an add.
func (r *Repo) finish(ctx context.Context, a Add, admin string) error {
	if !checkedOut(admin) {
		return refuse(ErrIncomplete, "the checkout did not end")
	}
	if a.Fill != nil {
		if err := a.Fill(ctx); err != nil {
			return err
		}
	}
	reason, locked := lockReason(admin)
	if !locked {
		return nil
	}
	if reason != LockReason(a.Op) {
		return refuse(ErrLocked, reason)
	}
	if err := os.Remove(filepath.Join(admin, "locked")); err != nil {
		return err
	}
	return osfs.SyncDir(admin)
}

// verifyHead looks whether HEAD is the branch that was asked for, at its commit,
// and whether git works for who works in the directory.
func (r *Repo) verifyHead(ctx context.Context, a Add, admin string) error {
	asked := make(chan error, 1)
	go func() { asked <- r.usable(ctx, a.Path) }()
	oid, ref, err := r.head(ctx, admin)
	if err = errors.Join(err, <-asked); err != nil {
		return err
	}
	if ref != "refs/heads/"+a.Branch || a.Commit != "" && oid != strings.ToLower(a.Commit) {
		return refuse(ErrIncomplete, "HEAD is "+ref+" at "+oid)
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

// checkedOut tells a complete checkout: the index appears by a rename at its end.
func checkedOut(admin string) bool {
	return exists(filepath.Join(admin, "index")) && !exists(filepath.Join(admin, "index.lock"))
}
