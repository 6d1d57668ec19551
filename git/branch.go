package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// markEmail is the committer of the first reflog entry of a branch that
// operation op made.
func markEmail(op string) string { return op + "@wt-mcp.invalid" }

// createBranch makes refs/heads/<branch> at commit, or changes nothing when
// there is such a ref: the zero object id is git's compare-and-swap for "must
// not exist" (git-update-ref(1)). The reflog is made whatever
// core.logAllRefUpdates says.
func (r *Repo) createBranch(ctx context.Context, a Add) error {
	zero := strings.Repeat("0", len(a.Commit))
	return retry(ctx, nothing, func() error {
		_, err := r.git.run(ctx, call{
			args: []string{"update-ref", "--create-reflog", "-m", "wt-mcp: branch made by " + a.Op, "--no-deref", "--end-of-options", "refs/heads/" + a.Branch, a.Commit, zero},
			dir:  r.common, op: true, inherit: a.Inherit,
			at: r.pin("", ""), env: []string{"GIT_COMMITTER_EMAIL=" + markEmail(a.Op)},
		})
		return err
	})
}

func nothing() error { return nil }

// BranchMadeBy reports whether the oldest reflog entry of branch is that of
// operation op. It is false for a branch that does not exist, and for one whose
// oldest entry has expired: then nothing proves who made it.
func (r *Repo) BranchMadeBy(ctx context.Context, branch, op string) (bool, error) {
	if err := checkOp(op); err != nil {
		return false, err
	}
	maker, err := r.branchMaker(ctx, branch)
	return maker == markEmail(op), err
}

// branchMaker is who wrote the oldest reflog entry of branch; "" where there is none.
func (r *Repo) branchMaker(ctx context.Context, branch string) (string, error) {
	if err := CheckBranchName(branch); err != nil {
		return "", err
	}
	out, err := r.read(ctx, "reflog", "show", "--format=%ge", "refs/heads/"+branch, "--")
	if err != nil {
		if _, ok, e := r.Branch(ctx, branch); e == nil && !ok {
			return "", nil
		}
		return "", fmt.Errorf("read reflog of %s: %w", branch, err)
	}
	log := strings.TrimSuffix(string(out), "\n")
	return log[strings.LastIndexByte(log, '\n')+1:], nil
}

// DeleteBranch deletes the branch, its reflog and its section of the
// configuration (a later branch of that name must not inherit an upstream), if
// it still is at oid: ErrBranchMoved otherwise, and ErrCheckedOut when a
// worktree has it checked out, or rebases or bisects it. A branch that is gone
// already is no error.
func (r *Repo) DeleteBranch(ctx context.Context, branch, oid string) error {
	if !isObjectID(oid) {
		return fmt.Errorf("%w: object id %.100q", ErrInvalidName, oid)
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.deleteBranch(ctx, branch, strings.ToLower(oid)); err != nil {
		return fmt.Errorf("delete branch %s: %w", branch, err)
	}
	return nil
}

func (r *Repo) deleteBranch(ctx context.Context, branch, oid string) error {
	now, ok, err := r.Branch(ctx, branch)
	switch {
	case err != nil || !ok:
		return err
	case now != oid:
		return refuse(ErrBranchMoved, "it is at "+now)
	}
	if path, err := r.userOf(ctx, branch); err != nil {
		return err
	} else if path != "" {
		return refuse(ErrCheckedOut, path)
	}
	change := func(args ...string) error {
		_, err := r.git.run(ctx, call{args: args, dir: r.common, at: r.pin("", ""), op: true, registry: args[0] == "config"})
		return err
	}
	err = retry(ctx, nothing, func() error {
		return change("update-ref", "--no-deref", "-d", "--end-of-options", "refs/heads/"+branch, oid)
	})
	if err != nil {
		if now, ok, e := r.Branch(ctx, branch); e == nil && ok && now != oid {
			return refuse(ErrBranchMoved, "it is at "+now)
		}
		return err
	}
	if r.configured(branch) {
		_ = retry(ctx, nothing, func() error { return change("config", "--local", "--remove-section", "branch."+branch) })
	}
	return nil
}

// RemoteBranch finds the remote-tracking branch of a name such as origin/x: the
// branch's own name, x, and its commit. ok is false where there is none, and for
// origin/HEAD, which is no branch. Nothing is fetched.
func (r *Repo) RemoteBranch(ctx context.Context, name string) (branch, oid string, ok bool, err error) {
	if err := CheckBranchName(name); err != nil {
		return "", "", false, err
	}
	refs, err := r.refs(ctx, "refs/remotes/"+name)
	oid, ok = refs["refs/remotes/"+name]
	if err != nil || !ok {
		return "", "", false, err
	}
	remotes, err := r.read(ctx, "remote")
	if err != nil {
		return "", "", false, fmt.Errorf("list remotes: %w", err)
	}
	remote, _, _ := strings.Cut(name, "/")
	for line := range strings.Lines(string(remotes)) { // a remote's name may have slashes
		if line = strings.TrimSuffix(line, "\n"); len(line) > len(remote) && strings.HasPrefix(name, line+"/") {
			remote = line
		}
	}
	branch = strings.TrimPrefix(name, remote+"/")
	return branch, oid, branch != name && badBranch(branch) == "", nil
}

// RemotesOf lists the remote-tracking branches of a branch's own name: origin/x for x.
func (r *Repo) RemotesOf(ctx context.Context, branch string) (names []string, err error) {
	if err := CheckBranchName(branch); err != nil {
		return nil, err
	}
	refs, err := r.refs(ctx, "refs/remotes/*/"+branch)
	for ref := range refs {
		names = append(names, strings.TrimPrefix(ref, "refs/remotes/"))
	}
	slices.Sort(names)
	return names, err
}

// Lacks counts the commits that of has and oid has not; both are object ids.
func (r *Repo) Lacks(ctx context.Context, oid, of string) (n int, err error) {
	if !isObjectID(oid) || !isObjectID(of) {
		return 0, fmt.Errorf("%w: object ids %.100q, %.100q", ErrInvalidName, oid, of)
	}
	out, err := r.read(ctx, "rev-list", "--count", of, "^"+oid, "--")
	if err == nil {
		_, err = fmt.Sscan(string(out), &n)
	}
	if err != nil {
		return 0, fmt.Errorf("compare %s with %s: %w", oid, of, err)
	}
	return n, nil
}

// configured reports whether the repository's configuration may have a section
// for the branch; most branches have none, and asking git costs a process.
func (r *Repo) configured(branch string) bool {
	content, err := os.ReadFile(filepath.Join(r.common, "config"))
	return err != nil || strings.Contains(strings.ToLower(string(content)), strings.ToLower(branch))
}

// userOf gives the path of a worktree that has branch checked out, or has an
// operation under way which will come back to it; "" when there is none.
func (r *Repo) userOf(ctx context.Context, branch string) (string, error) {
	list, err := r.Worktrees(ctx)
	if err != nil {
		return "", err
	}
	for _, w := range list {
		if w.Branch == branch || w.Detached && r.comesBack(w.Path, branch) {
			return w.Path, nil
		}
	}
	return "", nil
}

// ReturnsTo is the branch that an operation under way in the worktree at path, a rebase
// or a bisection, will come back to; "" where there is none.
func (r *Repo) ReturnsTo(path string) string {
	admin, err := r.adminDir(path)
	if err != nil {
		return ""
	}
	return returnsTo(admin)
}

// comesBack looks where rebase and bisect note the branch they left
// (wt-status.c: wt_status_check_rebase, wt_status_check_bisect).
func (r *Repo) comesBack(path, branch string) bool {
	return branch != "" && r.ReturnsTo(path) == branch
}

// returnsTo is the branch that an operation under way will come back to.
func returnsTo(admin string) string {
	for _, file := range []string{"rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"} {
		name, err := readSmall(filepath.Join(admin, filepath.FromSlash(file)))
		if name = strings.TrimPrefix(strings.TrimSpace(name), "refs/heads/"); err == nil && name != "" && name != "detached HEAD" && !isObjectID(name) {
			return name
		}
	}
	return ""
}

// branchObstacle says which ref keeps branch from being made, nil when none
// does. With a case-insensitive file system a name that differs in case does.
func (r *Repo) branchObstacle(ctx context.Context, branch string) error {
	var names []string
	for i, c := range branch {
		if c == '/' {
			names = append(names, "refs/heads/"+branch[:i])
		}
	}
	full := "refs/heads/" + branch
	refs, err := r.refs(ctx, append(names, full)...)
	if err != nil {
		return err
	}
	for ref := range refs {
		short := strings.TrimPrefix(ref, "refs/heads/")
		switch {
		case strings.EqualFold(ref, full):
			return refuse(ErrBranchExists, short)
		case strings.HasPrefix(full, ref+"/") || strings.HasPrefix(ref, full+"/"):
			return refuse(ErrBranchConflict, short)
		}
	}
	return nil
}

// exists reports whether there is something at path, be it a dead link.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
