package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Brought lists what lies below some directories of the main checkout and came with
// the repository from elsewhere: git tracks it, and the repository was cloned or has
// a remote. What somebody commits in a repository that never met another one is theirs.
func (r *Repo) Brought(ctx context.Context, dirs ...string) ([]string, error) {
	if r.bare {
		return nil, nil
	}
	ask := func(args ...string) ([]string, error) {
		out, err := r.git.run(ctx, call{dir: r.root, args: args})
		return strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 }), err
	}
	tracked, err := ask(append([]string{"--literal-pathspecs", "ls-files", "-z", "--"}, dirs...)...)
	if err != nil {
		return nil, fmt.Errorf("list tracked files of the board: %w", err)
	}
	if len(tracked) == 0 {
		return nil, nil
	}
	if _, err := os.Lstat(filepath.Join(r.common, "FETCH_HEAD")); err == nil {
		return tracked, nil
	}
	if remotes, _ := ask("config", "-z", "--get-regexp", `^remote\..*\.url$`); len(remotes) > 0 {
		return tracked, nil
	}
	if past, _ := ask("log", "-z", "-g", "--format=%gs", "HEAD"); slices.ContainsFunc(past, isClone) {
		return tracked, nil
	}
	return nil, nil
}

func isClone(entry string) bool { return strings.HasPrefix(strings.TrimSpace(entry), "clone: from ") }
