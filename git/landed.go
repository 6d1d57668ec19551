package git

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Landing says whether the work of a branch is in a target. Commits counts those
// whose change the target does not have; it is 0 where the work has landed.
type Landing struct {
	Landed  bool
	How     string // "same", "ancestor", "no-difference", "equal-tree", "nothing-to-merge", "squash", or ""
	Commits int
}

// maxPicked is how many of the target's newest commits are searched for a branch
// that came there squashed or rebased.
const maxPicked = 2000

// Landed judges as people mean it whether branch is in target, both full object
// ids: it is the same commit or an ancestor; it makes no difference to where it
// began; its tree is the target's; merging it would change nothing; or the target
// has one commit with all of its changes, or each of its commits as another one.
// What was merged and reverted since has landed: the target's history has it.
//
// It writes nothing, and runs no program that attributes or a configuration name
// but for the user's own merge drivers.
func (r *Repo) Landed(ctx context.Context, branch, target string) (Landing, error) {
	if !isObjectID(branch) || !isObjectID(target) {
		return Landing{}, fmt.Errorf("%w: object ids %.100q and %.100q", ErrInvalidName, branch, target)
	}
	if strings.EqualFold(branch, target) {
		return landed("same"), nil
	}
	l, err := r.landed(ctx, branch, target)
	if err != nil {
		return Landing{}, fmt.Errorf("compare %s with %s: %w", branch, target, err)
	}
	return l, nil
}

func landed(how string) Landing { return Landing{Landed: true, How: how} }

func (r *Repo) landed(ctx context.Context, branch, target string) (Landing, error) {
	behind, ahead, err := r.apart(ctx, target, branch)
	if err != nil || ahead == 0 {
		return landed("ancestor"), err
	}
	base, err := r.MergeBase(ctx, branch, target)
	if err != nil {
		return Landing{}, err
	}
	begin := base
	if base == "" {
		begin = target
	}
	out, err := r.read(ctx, "rev-parse", branch+"^{tree}", target+"^{tree}", begin+"^{tree}")
	trees := strings.Fields(string(out))
	switch {
	case err != nil:
		return Landing{}, err
	case len(trees) != 3:
		return Landing{}, fmt.Errorf("read trees: %.200q", out)
	case base != "" && trees[0] == trees[2]:
		return landed("no-difference"), nil
	case trees[0] == trees[1]:
		return landed("equal-tree"), nil
	case base == "":
		return Landing{Commits: ahead}, nil
	}
	return r.merged(ctx, comparison{branch: branch, target: target, base: base, tree: trees[0], ahead: ahead, behind: behind}, trees[1])
}

// comparison is a branch beside its target.
type comparison struct {
	branch, target, base, tree string
	ahead, behind              int
}

// merged tries what a merge would do, and looks for the changes one by one. What
// git writes meanwhile goes with a directory of its own.
func (r *Repo) merged(ctx context.Context, l comparison, targetTree string) (Landing, error) {
	scratch, err := r.git.scratch()
	if err != nil {
		return Landing{}, fmt.Errorf("make directory for objects: %w", err)
	}
	defer scratch.Close()
	env := []string{"GIT_OBJECT_DIRECTORY=" + scratch.Dir, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + alternate(filepath.Join(r.common, "objects")),
		"GIT_AUTHOR_NAME=wt-mcp", "GIT_AUTHOR_EMAIL=wt-mcp@wt-mcp.invalid"}
	ask := func(args ...string) (string, error) {
		out, err := r.git.run(ctx, call{dir: r.common, at: r.pin("", ""), env: env, args: args})
		return strings.TrimSpace(string(out)), err
	}
	switch tree, err := ask("merge-tree", "--write-tree", "--no-messages", l.target, l.branch); {
	case err == nil && tree == targetTree:
		return landed("nothing-to-merge"), nil
	case err != nil && exitCode(err) < 0: // killed; a conflict and a git before 2.38 say otherwise
		return Landing{}, err
	}
	squash, err := ask("commit-tree", "-p", l.base, "-m", "squash", l.tree)
	if err != nil {
		return Landing{}, err
	}
	if left, err := r.picked(ask, l, squash); err != nil || left == 0 {
		return landed("squash"), err
	}
	left, err := r.picked(ask, l, l.branch)
	if err != nil || left == 0 {
		return landed("squash"), err
	}
	return Landing{Commits: min(left, l.ahead)}, nil
}

// picked counts the commits up to tip of whose change the target has no commit.
func (r *Repo) picked(ask func(...string) (string, error), l comparison, tip string) (int, error) {
	args := []string{"rev-list", "--cherry-pick", "--right-only", "--count", l.target + "..." + tip}
	if l.behind > maxPicked {
		oldest, err := ask("rev-list", "--max-count=1", fmt.Sprintf("--skip=%d", maxPicked), l.target, "--not", l.branch)
		if err != nil {
			return 0, err
		}
		args = append(args, "^"+oldest)
	}
	out, err := ask(append(args, "--")...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out)
}

// alternate quotes a path for GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1)).
func alternate(path string) string {
	if !strings.ContainsAny(path, `:;"\`+"\n") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// apart counts the commits that only a has, and those that only b has.
func (r *Repo) apart(ctx context.Context, a, b string) (onlyA, onlyB int, err error) {
	out, err := r.read(ctx, "rev-list", "--left-right", "--count", a+"..."+b, "--")
	if err != nil {
		return 0, 0, err
	}
	return parseLeftRight(out)
}

// parseLeftRight reads rev-list --left-right --count (git-rev-list(1)).
func parseLeftRight(out []byte) (left, right int, err error) {
	if _, err := fmt.Sscanf(string(out), "%d\t%d", &left, &right); err != nil {
		return 0, 0, fmt.Errorf("read %q: %w", out, err)
	}
	return left, right, nil
}

// MergeBase gives a best common ancestor of two full object ids; "" where their
// histories have none.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	if !isObjectID(a) || !isObjectID(b) {
		return "", fmt.Errorf("%w: object ids %.100q and %.100q", ErrInvalidName, a, b)
	}
	if a == b {
		return a, nil
	}
	out, err := r.read(ctx, "merge-base", a, b)
	if err != nil && exitCode(err) != 1 {
		return "", fmt.Errorf("find merge base: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// MainHead gives the commit and the branch of the main checkout, or of the bare
// repository. The branch is empty where HEAD is detached. It fails before the
// first commit.
func (r *Repo) MainHead(ctx context.Context) (oid, branch string, err error) {
	oid, ref, err := r.head(ctx, r.common)
	if err != nil {
		return "", "", fmt.Errorf("read HEAD of the main checkout: %w", err)
	}
	return oid, branchOf(ref), nil
}
