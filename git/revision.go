package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Branch gives the object id of refs/heads/<name>; ok is false when there is no
// such branch. No other ref, and no revision expression, is ever taken for it.
func (r *Repo) Branch(ctx context.Context, name string) (oid string, ok bool, err error) {
	if err := CheckBranchName(name); err != nil {
		return "", false, err
	}
	refs, err := r.refs(ctx, "refs/heads/"+name)
	if err != nil {
		return "", false, fmt.Errorf("read branch %s: %w", name, err)
	}
	oid, ok = refs["refs/heads/"+name]
	return oid, ok, nil
}

// refs lists the refs that are, or lie below, the given full names.
func (r *Repo) refs(ctx context.Context, names ...string) (map[string]string, error) {
	out, err := r.read(ctx, append([]string{"for-each-ref", "--format=%(refname) %(objectname)"}, names...)...)
	if err != nil {
		return nil, err
	}
	refs := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if name, oid, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			refs[name] = oid
		}
	}
	return refs, nil
}

// head reads the HEAD of the worktree of an administrative directory: its commit
// and its branch's full name, which is HEAD where it is detached. Other refs that are
// called HEAD have no say.
func (r *Repo) head(ctx context.Context, admin string) (oid, ref string, err error) {
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin(admin, ""), args: []string{"rev-parse", "--verify", "HEAD"}})
	if exitCode(err) == 128 {
		if ref, refErr := r.headRef(ctx, admin); refErr == nil && branchOf(ref) != "" {
			if _, ok, e := r.Branch(ctx, branchOf(ref)); e == nil && !ok {
				return "", "", fmt.Errorf("%w: %w", ErrNoCommits, err)
			}
		}
	}
	if err != nil {
		return "", "", err
	}
	ref, err = r.headRef(ctx, admin)
	return strings.TrimSuffix(string(out), "\n"), ref, err
}

// headRef is the full name of the branch that a HEAD is on, which need not be there
// yet; HEAD where it is detached. git is asked where the file does not say.
func (r *Repo) headRef(ctx context.Context, admin string) (string, error) {
	text, err := readSmall(filepath.Join(admin, "HEAD"))
	if ref, on := strings.CutPrefix(text, "ref: "); err == nil && on && !isDir(filepath.Join(r.common, "reftable")) {
		return strings.TrimSpace(ref), nil
	}
	if err == nil && isObjectID(text) {
		return "HEAD", nil
	}
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin(admin, ""), args: []string{"symbolic-ref", "--quiet", "HEAD"}})
	if exitCode(err) == 1 {
		return "HEAD", nil
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

// branchOf is the short name of the branch that a HEAD is on, by its full name; ""
// where it is detached.
func branchOf(ref string) string {
	if ref == "HEAD" {
		return ""
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}

// AheadBehind counts the commits which only HEAD of the worktree at path has,
// and those which only base has.
func (r *Repo) AheadBehind(ctx context.Context, path, base string) (ahead, behind int, err error) {
	oid := base
	if !isObjectID(base) {
		if oid, err = r.ResolveCommit(ctx, base); err != nil {
			return 0, 0, err
		}
	}
	out, err := r.readIn(ctx, path, "rev-list", "--left-right", "--count", "HEAD..."+oid, "--")
	if err != nil {
		return 0, 0, fmt.Errorf("compare %s with %s: %w", path, base, err)
	}
	if ahead, behind, err = parseLeftRight(out); err != nil {
		return 0, 0, fmt.Errorf("compare %s with %s: %w", path, base, err)
	}
	return ahead, behind, nil
}

// UniqueCommits counts the commits which are reachable from oid but from no
// branch, tag or remote-tracking ref; the branches in except do not count as
// holding any. Replacement refs are not followed, as git gc does not.
func (r *Repo) UniqueCommits(ctx context.Context, oid string, except ...string) (int, error) {
	if !isObjectID(oid) {
		return 0, fmt.Errorf("%w: object id %.100q", ErrInvalidName, oid)
	}
	args := []string{"rev-list", "--count", oid, "--not"}
	for _, branch := range except {
		if err := CheckBranchName(branch); err != nil {
			return 0, err
		}
		args = append(args, "--exclude="+branch)
	}
	args = append(args, "--branches", "--tags", "--remotes", "--")
	out, err := r.git.run(ctx, call{args: args, dir: r.common, at: r.pin("", ""), env: []string{"GIT_NO_REPLACE_OBJECTS=1"}})
	if err != nil {
		return 0, fmt.Errorf("count commits of %s: %w", oid, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("count commits of %s: %w", oid, err)
	}
	return n, nil
}

// HeadBranch is the branch that the worktree at path has checked out; "" where its
// HEAD is detached. It knows those that have lost their ties, too: CheckRelink.
func (r *Repo) HeadBranch(ctx context.Context, path string) (string, error) {
	admin, err := r.adminDir(path)
	if errors.Is(err, ErrNotWorktree) {
		admin, err = r.lostEntry(path)
	}
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", path, err)
	}
	ref, err := r.headRef(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", path, err)
	}
	return branchOf(ref), nil
}

// HeadOf is the commit that the worktree at path has checked out. It fails with
// ErrNoCommits before the first one.
func (r *Repo) HeadOf(ctx context.Context, path string) (string, error) {
	admin, err := r.adminDir(path)
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", path, err)
	}
	oid, _, err := r.head(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", path, err)
	}
	return oid, nil
}
