package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What keeps a checkout from moving along.
var (
	ErrAway       = errors.New("the branch is checked out where there is no worktree now")
	ErrConflicted = errors.New("the index has unmerged entries")
)

// checkout is a worktree that has a branch checked out.
type checkout struct{ admin, top string }

// find finds the checkout of the branch, and refuses several, one that is not there,
// and any operation that the move would pull the branch away from.
func (mv *moving) find(ctx context.Context) error {
	found, err := mv.repo.checkoutsOf(ctx, mv.Ref)
	switch {
	case err != nil || len(found) == 0:
		return err
	case len(found) > 1:
		var tops []string
		for _, c := range found {
			tops = append(tops, c.top)
		}
		return refuse(ErrCheckedOut, tops...)
	}
	mv.admin, mv.top = found[0].admin, found[0].top
	if admin, err := mv.repo.adminDir(mv.top); errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNotWorktree) || err == nil && admin != mv.admin {
		return refuse(ErrAway, mv.top)
	} else if err != nil {
		return err
	}
	return mv.checkOperation(ctx)
}

func (mv *moving) checkOperation(ctx context.Context) error {
	op, err := mv.repo.Operation(ctx, mv.top)
	if err == nil && op != "" {
		err = refuse(ErrOperation, op+" in "+mv.top)
	}
	return err
}

// checkoutsOf lists the worktrees that have the branch checked out. An operation that
// is under way in another one and comes back to the branch, or will move it, is
// ErrOperation.
func (r *Repo) checkoutsOf(ctx context.Context, ref string) (found []checkout, err error) {
	admins := r.adminDirs()
	if !r.bare {
		admins = append([]string{r.common}, admins...)
	}
	for _, admin := range admins {
		head, err := r.headRef(ctx, admin)
		switch {
		case err != nil && !exists(filepath.Join(admin, "HEAD")): // it is being added or removed
			continue
		case err != nil:
			return nil, err
		case head == ref:
			found = append(found, checkout{admin, r.topOf(admin)})
		case head == "HEAD" && "refs/heads/"+returnsTo(admin) == ref, updates(admin, ref):
			return nil, refuse(ErrOperation, "rebase or bisect in "+r.topOf(admin))
		}
	}
	return found, nil
}

func (r *Repo) topOf(admin string) string {
	if admin == r.common {
		return r.root
	}
	return r.pathOf(admin)
}

// updates reports that a rebase will move the branch when it ends (git-rebase(1),
// --update-refs).
func updates(admin, ref string) bool {
	list, err := readSmall(filepath.Join(admin, "rebase-merge", "update-refs"))
	return err == nil && slices.Contains(strings.Split(list, "\n"), ref)
}
