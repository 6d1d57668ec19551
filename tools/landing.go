package tools

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
)

// Unlanded is work that waits to be landed.
type Unlanded struct {
	Target  string `json:"target"`
	Commits int    `json:"commits" jsonschema:"those whose change the target does not have, squashed or rebased ones not counted"`
}

// destination is where the work of a worktree is to go, as far as its entry says.
func destination(w state.Worktree) string { return cmp.Or(w.Target, w.BaseRef) }

// target is where the work of a branch is to go: what was recorded, else the branch of
// the main checkout.
func (b *Board) target(ctx context.Context, recorded, branch string) (name, oid string, err error) {
	base := strings.TrimPrefix(strings.TrimPrefix(recorded, "refs/"), "heads/")
	if base != "" && base != "HEAD" && base != "@" && base != branch && git.CheckBranchName(base) == nil {
		if oid, ok, err := b.Git.Branch(ctx, base); err != nil || ok {
			return base, oid, err
		}
	}
	oid, name, err = b.Git.MainHead(ctx)
	if name == "" {
		name = "HEAD"
	}
	return name, oid, err
}

// landing says what of a branch, or of a commit, is not in its target, or how it got
// there; nothing of both where there is no branch or it is the target.
func (b *Board) landing(ctx context.Context, head, recorded string) (*Unlanded, string, error) {
	if head == "" {
		return nil, "", nil
	}
	oid := head
	if git.CheckBranchName(head) == nil {
		at, ok, err := b.Git.Branch(ctx, head)
		if err != nil || !ok {
			return nil, "", err
		}
		oid = at
	}
	name, at, err := b.target(ctx, recorded, head)
	if err != nil || name == head {
		return nil, "", err
	}
	l, err := b.Git.Landed(ctx, oid, at)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("compare %s with %s: %w", head, name, err)
	case l.Landed:
		return nil, l.How, nil
	}
	return &Unlanded{Target: name, Commits: l.Commits}, "", nil
}

// counted is a number of things that are.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}
