package tools

import (
	"context"
	"fmt"
	"strings"
)

// Unlanded is work that waits to be landed.
type Unlanded struct {
	Target  string `json:"target"`
	Commits int    `json:"commits" jsonschema:"those whose change the target does not have, squashed or rebased ones not counted"`
}

// target is where the work of a branch is to go: the branch that it began from,
// else the one of the main checkout.
func (b *Board) target(ctx context.Context, baseRef, branch string) (name, oid string, err error) {
	base := strings.TrimPrefix(baseRef, "refs/heads/")
	if base != "" && base != "HEAD" && base != "@" && base != branch {
		if oid, ok, err := b.Git.Branch(ctx, base); err == nil && ok {
			return base, oid, nil
		}
	}
	oid, name, err = b.Git.MainHead(ctx)
	if name == "" {
		name = "HEAD"
	}
	return name, oid, err
}

// landing says what of a worktree's branch is not in its target, or how it got
// there; nothing of both where that cannot be told or the branch is the target.
func (b *Board) landing(ctx context.Context, branch, baseRef string) (*Unlanded, string) {
	if branch == "" {
		return nil, ""
	}
	oid, ok, err := b.Git.Branch(ctx, branch)
	if err != nil || !ok {
		return nil, ""
	}
	name, at, err := b.target(ctx, baseRef, branch)
	if err != nil || name == branch {
		return nil, ""
	}
	l, err := b.Git.Landed(ctx, oid, at)
	switch {
	case err != nil:
		b.Log.Warn("compare a branch with its target", "branch", branch, "target", name, "error", err)
		return nil, ""
	case l.Landed:
		return nil, l.How
	}
	return &Unlanded{Target: name, Commits: l.Commits}, ""
}

// counted is a number of things that are.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}
