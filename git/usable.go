package git

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
)

// Unusable says that git does not work in a worktree which is there, as it found when
// it was started in it like its user's git; and what mends that.
type Unusable struct {
	Path, Why, Remedy string
}

// Error gives the reason.
func (e *Unusable) Error() string { return "git does not work in " + e.Path + ": " + e.Why }

// Unwrap gives ErrIncomplete: what was made is of no use.
func (e *Unusable) Unwrap() error { return ErrIncomplete }

// CheckUsable says whether the git of who works in the worktree at path works there:
// nil, [*Unusable], ErrNotWorktree or what looking failed with. It reads no file of
// the working tree.
func (r *Repo) CheckUsable(ctx context.Context, path string) error {
	if _, err := r.adminDir(path); err != nil {
		return err
	}
	return r.usable(ctx, path)
}

// usable starts git in path with nothing pinned. A repository's configuration may
// say that there is no working tree, or that it is another directory.
func (r *Repo) usable(ctx context.Context, path string) error {
	out, err := r.git.run(ctx, call{dir: path, args: []string{"rev-parse", "--is-inside-work-tree", "--show-toplevel"}})
	if err != nil && exitCode(err) < 0 {
		return err
	}
	inside, top, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	why := ""
	switch {
	case err == nil && inside == "true" && sameFile(nativePath(top), path):
		return nil
	case err != nil:
		why = gitWords(err)
	case inside != "true":
		why = "it takes it for no working tree"
	default:
		why = "it takes " + nativePath(top) + " for its top directory"
	}
	remedy, lookErr := r.remedyFor(ctx, err)
	if lookErr != nil {
		return lookErr
	}
	return &Unusable{Path: path, Why: why, Remedy: remedy}
}

func gitWords(err error) string {
	var e *Error
	if errors.As(err, &e) && strings.TrimSpace(e.Stderr) != "" {
		return strings.TrimSpace(e.Stderr)
	}
	return err.Error()
}

// remedyFor is what git-worktree(1) says of extensions.worktreeConfig, and
// git-config(1) of safe.directory; "" where it is neither.
func (r *Repo) remedyFor(ctx context.Context, err error) (string, error) {
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Stderr, textOwner) {
		return remedy(e.Stderr), nil
	}
	shared := filepath.Join(r.common, "config")
	for _, key := range []string{"core.bare", "core.worktree"} {
		out, err := r.read(ctx, "config", "--file", shared, "--get", key)
		value := strings.TrimSuffix(string(out), "\n")
		switch {
		case err != nil && exitCode(err) != 1:
			return "", err
		case value == "" || key == "core.bare" && value == "false":
			continue
		}
		return "git config --file " + shellWord(shared+".worktree") + " " + key + " " + shellWord(value) +
			" && git config --file " + shellWord(shared) + " --unset-all " + key, nil
	}
	return "", nil
}

// shellWord makes one word of a shell of a text.
func shellWord(text string) string {
	plain := func(c rune) bool { return !isAlnum(c) && !strings.ContainsRune("/._-+:@", c) }
	if text != "" && !strings.ContainsFunc(text, plain) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
