package tools

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/include"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/runner"
	"wt-mcp/tools/runs"
)

// includeFile names, in the main checkout, what of the ignored files a worktree
// gets, as other tools read it too.
const includeFile = ".worktreeinclude"

// setupWait is how long worktree_create waits for the set-up.
const setupWait = 30 * time.Second

// readiness is what worktree_create did beside the checkout.
type readiness struct {
	Included *include.Result `json:"included,omitempty" jsonschema:"what .worktreeinclude had copied"`
	Setup    *runs.Setup     `json:"setup,omitempty"`
	Note     string          `json:"note,omitempty" jsonschema:"what a name with several meanings was taken for"`
}

func (r readiness) text() string {
	text := r.Note
	if i := r.Included; i != nil {
		text = state.Lines(text, fmt.Sprintf("copied by %s: %d files, %d bytes (%d skipped)", includeFile, i.Files, i.Bytes, i.Skipped))
		if !i.Complete() {
			text += "\nNOT COPIED: " + state.Visible(strings.Join(i.Errors, "; "))
		}
	}
	if s := r.Setup; s != nil {
		line := "setup: " + s.Status
		if s.ExitCode != nil {
			line += fmt.Sprintf(", exit code %d", *s.ExitCode)
		}
		if s.RunID != "" {
			line += ", run " + s.RunID
		}
		text = state.Lines(text, line, s.Next, s.Warning, strings.TrimRight(s.Output, "\n"))
	}
	return text
}

// include copies into a new worktree what it names of the main checkout; nil where
// there is nothing to copy.
func (b *Board) include(ctx context.Context, path string) *include.Result {
	paths, err := b.Git.IgnoredMatching(ctx, filepath.Join(b.Git.Root(), includeFile))
	if len(paths) == 0 && err == nil {
		return nil
	}
	began := time.Now()
	r := include.Copy(ctx, b.Git.Root(), path, paths, func(r include.Result) {
		if b.Progress != nil {
			b.Progress(time.Since(began).Seconds(), fmt.Sprintf("copied %d files, %d MB", r.Files, r.Bytes>>20))
		}
	})
	if err != nil {
		r.Errors = append(r.Errors, err.Error())
	}
	return &r
}

// ReadyWorktree is the entry of a new worktree, and what makes the worktree ready to work in.
type ReadyWorktree struct {
	state.Worktree
	readiness
}

// MarshalJSON writes the entry's keys, then those of the rest.
func (out ReadyWorktree) MarshalJSON() ([]byte, error) {
	return joined(out.Worktree, out.readiness)
}

func (out ReadyWorktree) text() string {
	return state.Lines(WorktreeLine(out.Worktree), out.readiness.text())
}

// quietReady are keys of a new worktree that tell a model nothing it needs.
func quietReady() []string {
	return []string{"base_ref", "base_commit", "included.cloned", "setup.next_offset", "setup.main_checkout_changes"}
}

// next is the end of a set-up that goes on, and how the work will land.
func (out ReadyWorktree) next() (steps []Step) {
	if s := out.Setup; s != nil && s.Status == string(runner.Running) {
		steps = append(steps, Step{"wait for the set-up", "run_output", state.Fields{"run_id": s.RunID, "offset": s.NextOffset, "wait_seconds": 50}})
	}
	return append(steps, Step{"when done, land it", "worktree_merge", state.Fields{"name": out.Name}})
}

// newWorktree is what a call asks for.
type newWorktree struct {
	name, branch, baseRef string
	task                  int
	claim                 state.Token
	adopted               bool // others made the branch
}

// make makes a worktree and binds its task, or leaves nothing behind. What git ignores
// is copied before it counts as made, the set-up runs after that: where one of them
// fails, the worktree stays and the answer says so.
func (b *Board) make(ctx context.Context, in newWorktree) (out ReadyWorktree, err error) {
	ask, err := b.plan(in)
	if err != nil {
		return out, err
	}
	if err := b.prime(ctx, ask.Worktree.TaskID != nil); err != nil {
		return out, err
	}
	note, against := b.resolve(ctx, &ask)
	ask.Against = against
	made, err := b.ops().Create(ctx, ask)
	if err != nil {
		return out, err
	}
	b.measure()
	out.Note = strings.Join(slices.DeleteFunc([]string{note, b.leftOff(ctx)}, func(s string) bool { return s == "" }), "; ")
	out.Worktree, out.Included = made.Worktree, made.Included
	out.Setup = b.runner().SetUp(ctx, out.Worktree, ask.Claim, setupWait)
	return out, nil
}

// plan checks the arguments that need no look at board or repository.
func (b *Board) plan(in newWorktree) (ask ops.Create, err error) {
	if err := state.CheckName(in.name); err != nil {
		return ask, err
	}
	ask = ops.Create{NewBranch: true, Claim: in.claim, Worktree: state.Worktree{Name: in.name, Path: b.worktreePath(in.name),
		Branch: ops.BranchOf(in.name), BaseRef: in.baseRef, Adopted: in.adopted}}
	if in.task != 0 {
		ask.Worktree.TaskID = &in.task
	} else if !in.claim.IsZero() {
		return ask, claimWithoutTask()
	}
	if in.branch != "" && in.baseRef != "" {
		return ask, state.Invalid("base_ref", "leave one of them out", "cannot go with branch, which says where it starts itself")
	}
	if in.branch != "" {
		if err := git.CheckBranchName(in.branch); err != nil {
			return ask, state.Invalid("branch", "pass the name of an existing local branch", "%v", err)
		}
		ask.Worktree.Branch, ask.NewBranch = in.branch, false
	} else if in.baseRef == "" {
		ask.Worktree.BaseRef = "HEAD"
	}
	return ask, nil
}
