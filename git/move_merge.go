package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Merging makes of a [Move] a merge that is left to be resolved, as git merge leaves one:
// the branch stays, the files are as in New, the index has the entries of the conflicts,
// and MERGE_HEAD says what is merged, which is the moment that counts.
type Merging struct {
	Theirs  string // the commit that is merged
	Entries string // the blob that holds the entries, see [Repo.KeepConflicts]
	Message string // of the commit that is to conclude it, one line
}

// merged is what git makes of two commits that conflict: a tree with markers in its
// files, and the entries that the index has for them.
type merged struct{ tree, entries string }

// KeepConflicts makes what a [Move] needs to leave the conflicts of a merge: the commit
// that is its New, and the entries. The two commits are those that were merged.
func (r *Repo) KeepConflicts(ctx context.Context, c *Conflicts, ours, theirs string) (commit, entries string, err error) {
	write := func(stdin string, args ...string) (string, error) {
		out, err := r.git.run(ctx, call{args: args, dir: r.common, at: r.pin("", ""), stdin: strings.NewReader(stdin),
			env: []string{"GIT_AUTHOR_NAME=wt-mcp", "GIT_AUTHOR_EMAIL=wt-mcp@wt-mcp.invalid"}})
		return strings.TrimSpace(string(out)), err
	}
	entries, err = write(c.merged.entries, "hash-object", "-w", "--stdin")
	if err == nil {
		commit, err = write("wt-mcp: conflicts to resolve\n", "commit-tree", "-p", ours, "-p", theirs, "-F", "-", c.merged.tree)
	}
	if err != nil {
		return "", "", fmt.Errorf("keep conflicts: %w", err)
	}
	return commit, entries, nil
}

func (m *Merging) check() error {
	switch {
	case m == nil:
		return nil
	case !isObjectID(m.Theirs) || !isObjectID(m.Entries):
		return fmt.Errorf("%w: object ids %.100q, %.100q", ErrInvalidName, m.Theirs, m.Entries)
	case strings.ContainsFunc(m.Message, isControl):
		return fmt.Errorf("%w: message %.100q has control characters", ErrInvalidName, m.Message)
	}
	return nil
}

func (mv *moving) mergeFile(name string) string { return filepath.Join(mv.admin, name) }

// merge says in the checkout that a merge is under way, its entries first.
func (mv *moving) merge(ctx context.Context) error {
	err := mv.writeConflicts(ctx)
	if err == nil {
		err = rewrite(mv.mergeFile("MERGE_MSG"), mv.Merging.Message+"\n")
	}
	if err == nil {
		err = rewrite(mv.mergeFile("MERGE_HEAD"), mv.Merging.Theirs+"\n")
	}
	return err
}

// unmerge removes what merge had written before its last step.
func (mv *moving) unmerge() {
	if mv.Merging == nil {
		return
	}
	if text, err := readSmall(mv.mergeFile("MERGE_MSG")); err == nil && text == mv.Merging.Message {
		_ = os.Remove(mv.mergeFile("MERGE_MSG"))
	}
	for _, name := range []string{"MERGE_MSG", "MERGE_HEAD"} {
		_ = os.Remove(mv.mergeFile(name + rewriting))
	}
}

// writeConflicts gives the private index the entries of the conflicts, in place of any
// other of their paths. It may be repeated.
func (mv *moving) writeConflicts(ctx context.Context) error {
	out, err := mv.repo.read(ctx, "cat-file", "blob", mv.Merging.Entries)
	if err != nil {
		return err
	}
	var gone strings.Builder
	for line := range strings.SplitSeq(string(out), "\x00") {
		if _, path, ok := strings.Cut(line, "\t"); ok {
			fmt.Fprintf(&gone, "0 %s\t%s\x00", strings.Repeat("0", len(mv.Old)), path)
		}
	}
	return mv.indexInfo(ctx, gone.String()+string(out))
}

// merging reports whether the worktree of a move is in the merge that the move leaves, or
// has concluded it.
func (r *Repo) merging(ctx context.Context, m Move) (bool, error) {
	admin, err := r.adminDir(m.Only)
	if err != nil {
		return false, nil // it is gone
	}
	if theirs, err := readSmall(filepath.Join(admin, "MERGE_HEAD")); err == nil && theirs == m.Merging.Theirs {
		return true, nil
	}
	_, now, err := r.target(ctx, m.Ref)
	if err != nil || now == m.Old {
		if errors.Is(err, ErrNoBranch) {
			err = nil
		}
		return false, err
	}
	return r.Contains(ctx, now, m.Merging.Theirs)
}
