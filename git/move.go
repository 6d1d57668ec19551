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

// Move is the move of a branch from one commit to another, made by an operation. Who
// asks for it holds the [TargetLock] of the branch, and has written down what it asks
// for: after its death that is all that [Repo.FinishMove] needs.
type Move struct {
	Ref      string     // full name of a local branch, no symbolic one
	Old, New string     // object ids; the branch is at Old, or is not moved
	Op       string     // id of the operation
	Reason   string     // for the reflog, one line
	Only     string     // the worktree that has to have it checked out; "" for whichever has, or none
	Merging  *Merging   // the branch stays, and the merge is left to be resolved in Only; nil for a move
	Since    time.Time  // when the operation began; FinishMove clears no lock file of git's without
	Inherit  []*os.File // open files which git and its children keep open
}

// Moved is what a move has done, or would do.
type Moved struct {
	Checkout string // the worktree that has the branch checked out and moved along; "" where none has
	Files    int    // how many paths differ between the two commits
}

// An Obstacle is something of the user's where a move would write.
type Obstacle struct {
	Path string // relative to the top of the checkout, with slashes
	Kind string // modified, deleted, staged, hidden, untracked, ignored, repository
}

// InTheWay says that a checkout does not move along because of what the user has there.
type InTheWay struct {
	Checkout string
	Files    []Obstacle
}

// Error names the first few files.
func (e *InTheWay) Error() string {
	var names []string
	for _, f := range e.Files {
		names = append(names, f.Path+" ("+f.Kind+")")
	}
	return (&Refused{Reason: errors.New("files in " + e.Checkout + " are in the way"), What: names}).Error()
}

// HalfMoved says that a move could neither be completed nor taken back, as on a full
// disk. The checkout's index stays locked, so that nobody commits what is there;
// [Repo.FinishMove] goes on from there.
type HalfMoved struct {
	Checkout string
	Err      error
}

// Error says where the files are.
func (e *HalfMoved) Error() string {
	return fmt.Sprintf("the files in %s are half moved and its index is kept locked: %v", e.Checkout, e.Err)
}

// Unwrap gives what failed to errors.Is.
func (e *HalfMoved) Unwrap() error { return e.Err }

// Move moves the branch, and with it the one worktree that has it checked out: its
// files first, then the branch by compare-and-swap, which is the moment that counts,
// then its index, all under git's lock on that index. What the user has in paths that
// the move does not change stays as it is; in those that it does, ignored files
// included, it is a refusal: *[InTheWay].
//
// Where it fails nothing has changed, but for *[HalfMoved]. It is not cancelled any
// more once it has begun to write.
//
// Other refusals: ErrBranchMoved, ErrCheckedOut by several worktrees, ErrAway,
// ErrOperation under way, ErrConflicted entries, ErrBusy index, ErrUnapproved filters.
func (r *Repo) Move(ctx context.Context, m Move) (Moved, error) {
	moved, err := r.move(ctx, m)
	if err != nil {
		return Moved{}, fmt.Errorf("move %s: %w", m.Ref, err)
	}
	return moved, nil
}

// CheckMove looks for what Move would refuse, and changes nothing.
func (r *Repo) CheckMove(ctx context.Context, m Move) (Moved, error) {
	mv, err := r.plan(ctx, m)
	if err == nil && mv.top != "" {
		defer mv.discard()
		err = mv.judge(ctx)
	}
	if err != nil {
		return Moved{}, fmt.Errorf("move %s: %w", m.Ref, err)
	}
	return mv.moved(), nil
}

func (m Move) check() error {
	switch {
	case !isLocal(m.Ref) || badBranch(strings.TrimPrefix(m.Ref, "refs/heads/")) != "":
		return fmt.Errorf("%w: branch %.100q", ErrInvalidName, m.Ref)
	case !isObjectID(m.Old) || !isObjectID(m.New):
		return fmt.Errorf("%w: object ids %.100q, %.100q", ErrInvalidName, m.Old, m.New)
	case strings.ContainsFunc(m.Reason, isControl):
		return fmt.Errorf("%w: reason %.100q has control characters", ErrInvalidName, m.Reason)
	}
	return errors.Join(m.Merging.check(), checkOp(m.Op))
}

// moving is a move that is being made: with the checkout that moves along, if there is
// one.
type moving struct {
	Move
	repo    *Repo
	admin   string // of the checkout
	top     string // "" where the branch is checked out nowhere
	changes []change
	entries map[string]entry // of the index, by path: those that the move changes
	index   fileMark         // the index that was looked at
}

// plan finds out what a move changes, and where.
func (r *Repo) plan(ctx context.Context, m Move) (*moving, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	mv := &moving{Move: m, repo: r}
	if err := mv.find(ctx); err != nil {
		return nil, err
	}
	if m.Only != "" && realPath(m.Only) != mv.top {
		return nil, refuse(ErrBranchMoved, m.Only+" has it checked out no more")
	}
	var err error
	mv.changes, err = r.changes(ctx, m.Old, m.New)
	return mv, err
}

func (mv *moving) moved() Moved { return Moved{Checkout: mv.top, Files: len(mv.changes)} }

func (r *Repo) move(ctx context.Context, m Move) (Moved, error) {
	mv, err := r.plan(ctx, m)
	if err != nil {
		return Moved{}, err
	}
	if mv.top == "" {
		return mv.moved(), mv.swap(ctx)
	}
	defer mv.discard()
	if err := mv.judge(ctx); err != nil {
		return Moved{}, err
	}
	if err := mv.giveWay(ctx); err != nil {
		return Moved{}, err
	}
	if err := mv.lockIndex(ctx); err != nil {
		return Moved{}, err
	}
	err = mv.along(context.WithoutCancel(ctx))
	if half := (*HalfMoved)(nil); errors.As(err, &half) {
		return Moved{}, err
	}
	return mv.moved(), errors.Join(err, mv.unlockIndex())
}

// along moves files, branch and index, under the lock on the index.
func (mv *moving) along(ctx context.Context) error {
	if err := mv.confirm(ctx); err != nil {
		return err
	}
	if err := mv.readTree(ctx, mv.Old, mv.New); err != nil {
		return mv.refused(ctx, err)
	}
	land := mv.swap
	if mv.Merging != nil {
		land = mv.merge
	}
	if err := land(ctx); err != nil {
		return mv.back(ctx, err)
	}
	if err := mv.publish(); err != nil { // the branch has moved: it is forward from here
		return &HalfMoved{Checkout: mv.top, Err: err}
	}
	return nil
}

// swap moves the branch by compare-and-swap.
func (mv *moving) swap(ctx context.Context) error {
	err := retry(ctx, nothing, func() error {
		_, err := mv.run(ctx, nil, "update-ref", "-m", mv.Reason, "--no-deref", "--end-of-options", mv.Ref, mv.New, mv.Old)
		return err
	})
	if err == nil {
		return nil
	}
	switch _, now, e := mv.repo.target(context.WithoutCancel(ctx), mv.Ref); {
	case e == nil && now == mv.New:
		return nil
	case e == nil && now != mv.Old:
		return refuse(ErrBranchMoved, "it is at "+now)
	case errors.Is(e, ErrNoBranch):
		return e
	}
	return err
}

// back puts the files as they were, after the move failed with cause.
func (mv *moving) back(ctx context.Context, cause error) error {
	mv.unmerge()
	if mv.readTree(ctx, mv.New, mv.Old) == nil {
		return cause
	}
	if _, err := mv.settle(ctx, mv.touched(), false); err != nil {
		return &HalfMoved{Checkout: mv.top, Err: errors.Join(cause, err)}
	}
	return cause
}

// run runs git on the private copy of the index, where there is a checkout.
func (mv *moving) run(ctx context.Context, config []string, args ...string) ([]byte, error) {
	c := call{args: args, config: config, op: true, inherit: mv.Inherit, dir: mv.repo.common, at: mv.repo.pin("", ""),
		env: []string{"GIT_COMMITTER_EMAIL=" + markEmail(mv.Op)}}
	if mv.top != "" {
		c.dir, c.at = mv.top, mv.repo.pin(mv.admin, mv.top)
		c.env = append(c.env, "GIT_INDEX_FILE="+mv.private())
	}
	return mv.repo.git.run(ctx, c)
}

// ask is run for a git that only reads.
func (mv *moving) ask(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	return mv.repo.git.run(ctx, call{args: args, dir: mv.top, at: mv.repo.pin(mv.admin, mv.top), stdin: strings.NewReader(stdin),
		env: []string{"GIT_INDEX_FILE=" + mv.private(), "GIT_LITERAL_PATHSPECS=1"}})
}

// readTree moves files and the private index by a two-tree merge (git-read-tree(1)).
// As with git's own, none of them is flushed: the branch is, and what a crash of the
// system takes of the rest is mended from there.
func (mv *moving) readTree(ctx context.Context, from, to string) error {
	_, err := mv.run(ctx, []string{"-c", "core.fsync=none"}, "read-tree", "-m", "-u", from, to)
	return err
}

// private is a copy of the index on which the move works, in git's directory, for what
// a split index refers to is there.
func (mv *moving) private() string { return filepath.Join(mv.admin, "wt-mcp-index."+mv.Op) }
