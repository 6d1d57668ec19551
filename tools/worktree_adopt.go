package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
)

func worktreeAdopt() Tool {
	return define(Tool{
		Name:        "worktree_adopt",
		Title:       "Adopt a worktree or branch",
		Description: "Put a worktree on the board that others made (untracked in worktree_list), or make one for an existing branch.",
		Set:         Integrate,
		Quiet:       quietReady(),
	}, (*Board).WorktreeAdopt, ReadyWorktree.text, ReadyWorktree.next)
}

// WorktreeAdoptIn are the arguments of worktree_adopt.
type WorktreeAdoptIn struct {
	Path   string      `json:"path,omitempty" jsonschema:"of a git worktree; this or branch"`
	Branch string      `json:"branch,omitempty" jsonschema:"a local branch that is not checked out"`
	Name   string      `json:"name,omitempty" jsonschema:"default: the last part of path or branch"`
	TaskID int         `json:"task_id,omitempty" jsonschema:"bind this task and start it" min:"1"`
	Claim  state.Token `json:"claim,omitzero"`
}

// WorktreeAdopt takes in what others made. It stays theirs: its branch is never
// deleted with it. A worktree is left as it is and where it is.
func (b *Board) WorktreeAdopt(ctx context.Context, in WorktreeAdoptIn) (out ReadyWorktree, err error) {
	if (in.Path == "") == (in.Branch == "") {
		return out, state.Invalid("path", "worktree_list shows the untracked ones", "give either path or branch")
	}
	if in.Path != "" && !filepath.IsAbs(in.Path) {
		in.Path = filepath.Join(b.State.Root(), in.Path)
	}
	if in.Name == "" {
		if in.Name = nameFrom(in.Path + in.Branch); state.CheckName(in.Name) != nil {
			return out, state.Invalid("name", "pass one of 1-40 of A-Z a-z 0-9 . _ -", "is needed: %q gives none", state.Clip(in.Path+in.Branch, 100))
		}
	} else if err := state.CheckName(in.Name); err != nil {
		return out, err
	}
	if err := b.prime(ctx, in.TaskID != 0); err != nil {
		return out, err
	}
	if in.Branch == "" {
		out.Worktree, err = b.adoptPath(ctx, in)
	} else {
		out, err = b.adoptBranch(ctx, in)
	}
	return out, b.suggest(ctx, in.Name, err)
}

// nameFrom makes a legal name of the last part of a path or a branch, if it can.
func nameFrom(from string) string {
	last := path.Base(strings.TrimRight(filepath.ToSlash(from), "/"))
	var name strings.Builder
	for _, c := range last {
		if c < 128 && state.CheckName("x"+string(c)+"x") == nil {
			name.WriteRune(c)
		} else {
			name.WriteByte('-')
		}
	}
	legal := strings.TrimLeft(name.String(), "-.")
	return strings.TrimRight(legal[:min(len(legal), 40)], "-.")
}

// suggest adds to the refusal of a name that is taken one that is free.
func (b *Board) suggest(ctx context.Context, name string, err error) error {
	var e *state.Error
	if !errors.As(err, &e) || e.Code != state.AlreadyExists {
		return err
	}
	free, listErr := b.freeName(ctx, name)
	if listErr != nil {
		return err
	}
	e.Hint = fmt.Sprintf("repeat the call with name %q", free)
	e.With("name", free)
	return err
}

// adoptBranch makes a worktree for a branch that has none.
func (b *Board) adoptBranch(ctx context.Context, in WorktreeAdoptIn) (ReadyWorktree, error) {
	return b.make(ctx, newWorktree{name: in.Name, branch: in.Branch, task: in.TaskID, claim: in.Claim, adopted: true})
}

// adoptPath puts a worktree on the board that git has already.
func (b *Board) adoptPath(ctx context.Context, in WorktreeAdoptIn) (w state.Worktree, err error) {
	at, err := b.foreign(ctx, in.Path)
	if err != nil {
		return w, err
	}
	if err := b.Git.CheckUsable(ctx, at.Path); err != nil {
		return w, ops.Unusable(in.Name, "look at "+at.Path, err)
	}
	plan := state.Worktree{Name: in.Name, Path: at.Path, Branch: at.Branch, Status: state.Active, Adopted: true}
	if in.TaskID != 0 {
		plan.TaskID = &in.TaskID
	} else if !in.Claim.IsZero() {
		return w, claimWithoutTask()
	}
	if plan.BaseCommit, err = b.began(ctx, at); err != nil {
		return w, ops.GitError("compare "+at.Path+" with its target", err)
	}
	if err := b.strange(ctx, plan.Path); err != nil {
		return w, err
	}
	err = b.ops().Clear(ctx, plan.Name, plan.TaskID, func(tx *state.Tx) error {
		all, err := tx.Worktrees()
		if err != nil {
			return err
		}
		for _, known := range all {
			if known.Live() && known.Path == plan.Path {
				return adopted(known)
			}
		}
		if err := b.rules().Unused(tx, plan.Name, plan.TaskID, in.Claim); err != nil {
			return err
		}
		told := ops.AdoptEvent(plan, b.Actor)
		plan.CreatedAt = tx.At()
		if w, told.Detail, err = rules.Register(tx, plan, false); err == nil {
			tx.Emit(told)
		}
		return err
	})
	return w, err
}

// strange refuses a path at which a worktree of the board is by now, whatever path the
// board has for it.
func (b *Board) strange(ctx context.Context, path string) error {
	var all []state.Worktree
	err := b.State.View(ctx, func(v *state.View) (err error) {
		all, err = v.Worktrees()
		return err
	})
	if err != nil {
		return err
	}
	k, err := b.known(ctx, all)
	for _, w := range all {
		if err == nil && w.Live() && w.Path != path {
			if at := b.find(ctx, k, w); at.Path == path {
				err = adopted(at.Worktree)
			}
		}
	}
	return err
}

func adopted(w state.Worktree) error {
	return state.Errorf(state.Conflict, fmt.Sprintf(`call worktree_status {"name":%q}`, w.Name),
		"%s is on the board already, as worktree %s", w.Path, w.Name).With("worktree", w.Name)
}

// began is the commit that a worktree has in common with its target; "" where it has
// none, or one of them no commit at all.
func (b *Board) began(ctx context.Context, at git.Worktree) (string, error) {
	_, main, err := b.target(ctx, "", at.Branch)
	if errors.Is(err, git.ErrNoCommits) || at.Head == "" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return b.Git.MergeBase(ctx, at.Head, main)
}

// foreign finds the linked worktree at an absolute path, which git must have there.
func (b *Board) foreign(ctx context.Context, at string) (git.Worktree, error) {
	where := filepath.Clean(at)
	if real, err := filepath.EvalSymlinks(where); err == nil {
		where = real
	}
	list, err := b.Git.Worktrees(ctx)
	if err != nil {
		return git.Worktree{}, ops.GitError("list worktrees", err)
	}
	for i, w := range list {
		if w.Path != where {
			continue
		}
		switch err := b.Git.CheckWorktree(w.Path); {
		case i == 0:
			return w, state.Invalid("path", "pass a linked worktree; worktree_list shows the untracked ones", "%s is the main checkout", w.Path)
		case w.BeingAdded():
			return w, state.Errorf(state.Busy, "wait for that, then repeat the call", "%s is just being added or removed", w.Path)
		case errors.Is(err, fs.ErrNotExist):
			return w, state.Errorf(state.NotFound, "git worktree prune forgets it; its branch can be adopted with branch", "the directory %s is gone", w.Path).With("argument", "path")
		case err != nil:
			return w, state.Errorf(state.Conflict, "it may belong to a copy of this repository, or be another directory: mend it where it belongs, or pass branch to have one made here", "git and the directory %s do not name each other: %v", w.Path, err)
		}
		return w, nil
	}
	return git.Worktree{}, state.Errorf(state.NotFound, "worktree_list shows the untracked ones; for a branch without one pass branch",
		"git has no worktree of this repository at %s", state.Visible(state.Clip(where, 300))).With("argument", "path")
}
