package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state/osfs"
)

// maxPatterns bounds a file of patterns.
const maxPatterns = 1 << 20

// IgnoredMatching lists what of the main checkout git ignores and the patterns
// in a file match (gitignore(5), negations included): slash-separated paths from
// the top, in order. A directory all of which is meant is one entry with a slash
// at its end, and may have anything below it. Tracked files are never listed,
// nor are git directories and other worktrees. Without that file, or without a
// main checkout, there is nothing to list. With [ErrUnseen] there may be more than
// is listed.
func (r *Repo) IgnoredMatching(ctx context.Context, patterns string) ([]string, error) {
	rules, err := osfs.ReadFile(patterns, maxPatterns)
	if errors.Is(err, os.ErrNotExist) || r.bare {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what to include: %w", err)
	}
	s, err := r.git.scratch()
	if err != nil {
		return nil, fmt.Errorf("list what to include: %w", err)
	}
	defer s.Close()
	copied := filepath.Join(s.Dir, "patterns")
	if err := os.WriteFile(copied, rules, 0o600); err != nil {
		return nil, fmt.Errorf("list what to include: %w", err)
	}
	return r.ignoredMatching(ctx, copied)
}

func (r *Repo) ignoredMatching(ctx context.Context, patterns string) ([]string, error) {
	var ignored []string
	failed := make(chan error, 1)
	go func() {
		var err error
		ignored, err = r.others(ctx, "--exclude-standard")
		failed <- err
	}()
	matching, err := r.others(ctx, "--exclude-from="+patterns)
	if other := <-failed; err == nil || other != nil && !errors.Is(other, ErrUnseen) {
		err = other
	}
	if err != nil {
		err = fmt.Errorf("list what to include: %w", err)
	}
	return common(matching, ignored), err
}

// others lists the untracked paths that one set of rules excludes, without the
// board and other repositories. A pathspec that leaves out the board would not
// do: git lists a directory in which something may be meant.
func (r *Repo) others(ctx context.Context, rules string) ([]string, error) {
	out, err := r.git.whole(ctx, call{dir: r.root, at: r.pin("", r.root), args: []string{
		"ls-files", "-z", "--others", "--ignored", "--directory", rules}})
	if err != nil && !errors.Is(err, ErrUnseen) {
		return nil, err
	}
	var paths []string
	for path := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		name := string(path)
		first, _, _ := strings.Cut(name, "/")
		isRepo := strings.HasSuffix(name, "/") && exists(filepath.Join(r.root, filepath.FromSlash(name), ".git"))
		if name != "" && first != ".worktrees" && first != ".tasks" && !isRepo {
			paths = append(paths, name)
		}
	}
	return paths, err
}

// common is what two lists of paths share, where a directory stands for all that
// is below it. No path of the result is below another one.
func common(a, b []string) []string {
	both := append(within(a, b), within(b, a)...)
	slices.Sort(both)
	both = slices.Compact(both)
	inSet := set(both)
	return slices.DeleteFunc(both, func(path string) bool { return slices.ContainsFunc(parents(path), inSet) })
}

// within keeps the paths that are in other, or below a directory of it.
func within(paths, other []string) (kept []string) {
	inOther := set(other)
	for _, path := range paths {
		if inOther(path) || slices.ContainsFunc(parents(path), inOther) {
			kept = append(kept, path)
		}
	}
	return kept
}

func set(paths []string) func(string) bool {
	all := make(map[string]bool, len(paths))
	for _, path := range paths {
		all[path] = true
	}
	return func(path string) bool { return all[path] }
}

// parents lists the directories above a path, each with its slash.
func parents(path string) (all []string) {
	for i := range len(path) - 1 {
		if path[i] == '/' {
			all = append(all, path[:i+1])
		}
	}
	return all
}
