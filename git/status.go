package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Status is what git status says of a worktree. Branch is empty when HEAD is
// detached, Head before the first commit. The lists hold paths relative to the
// top; a file may be in Staged and in Modified. A directory with untracked files
// only is one entry of Untracked, with a slash at its end. A renamed file is a
// deleted and a new one.
type Status struct {
	Branch, Head, Upstream                  string
	Staged, Modified, Untracked, Conflicted []string
	Ignored                                 []string // only where they were asked for
	Unseen                                  []string // git's warnings: it did not see everything
}

// Clean reports that there is no change, and that everything was looked at.
func (s Status) Clean() bool { return len(s.Changed()) == 0 && len(s.Unseen) == 0 }

// Changed lists every path once that differs from HEAD, in git's order.
func (s Status) Changed() []string {
	var all []string
	seen := make(map[string]bool)
	for _, list := range [][]string{s.Conflicted, s.Staged, s.Modified, s.Untracked} {
		for _, path := range list {
			if !seen[path] {
				seen[path] = true
				all = append(all, path)
			}
		}
	}
	return all
}

// Status reads the state of the worktree at path: all changes, those in
// submodules and untracked files too, whatever the configuration and the index leave
// out. It
// takes no lock and does not write the index.
func (r *Repo) Status(ctx context.Context, path string) (Status, error) {
	admin, err := r.adminDir(path)
	if err == nil {
		var status Status
		var entries []entry
		if status, entries, err = r.statusAndIndex(ctx, r.pin(admin, path)); err == nil {
			err = r.addSubmodules(ctx, &status, populated(entries, path, path))
		}
		if err == nil {
			return status, nil
		}
	}
	return Status{}, fmt.Errorf("read status of %s: %w", path, err)
}

// MainChanges lists what differs from HEAD in the main checkout, every untracked
// file by itself; submodules are left out. A bare repository has none.
func (r *Repo) MainChanges(ctx context.Context) ([]string, error) {
	if r.bare {
		return nil, nil
	}
	status, err := r.statusOf(ctx, r.common, r.root, "--untracked-files=all", "--ignore-submodules=all")
	if err != nil {
		return nil, fmt.Errorf("read status of %s: %w", r.root, err)
	}
	return status.Changed(), refuseAny(ErrUnseen, status.Unseen)
}

// MainHeadMoved is when HEAD of the main checkout last changed, by its reflog;
// zero where it has none.
func (r *Repo) MainHeadMoved() time.Time {
	info, err := os.Stat(filepath.Join(r.common, "logs", "HEAD"))
	if err != nil || r.bare {
		return time.Time{}
	}
	return info.ModTime()
}

// statusOf compares the files at top with the index in admin.
func (r *Repo) statusOf(ctx context.Context, admin, top string, more ...string) (Status, error) {
	return r.statusAt(ctx, r.pin(admin, top), more...)
}

// statusAt asks git, which is not to look into submodules but for their HEAD: there
// it would obey what their own configuration says. See addSubmodules.
func (r *Repo) statusAt(ctx context.Context, at place, more ...string) (Status, error) {
	out, err := r.git.whole(ctx, call{dir: at.top, at: at, args: append([]string{
		"status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames",
		"--untracked-files=normal", "--ignore-submodules=dirty"}, more...)})
	var unseen *Refused
	if err != nil && !(errors.Is(err, ErrUnseen) && errors.As(err, &unseen)) {
		return Status{}, err
	}
	status, parseErr := parseStatus(out)
	if parseErr != nil {
		return Status{}, errors.Join(err, parseErr)
	}
	if unseen != nil {
		status.Unseen = unseen.What
	}
	return status, nil
}

// parseStatus reads git status --porcelain=v2 -z --branch (git-status(1),
// Porcelain Format Version 2). Unknown headers are skipped, as it asks for.
func parseStatus(out []byte) (Status, error) {
	var s Status
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte{0})
		if !ok {
			return Status{}, fmt.Errorf("entry %.100q has no end", line)
		}
		out = rest
		if len(line) > 0 && line[0] == '2' { // renamed or copied: the old path follows
			if _, out, ok = bytes.Cut(out, []byte{0}); !ok {
				return Status{}, fmt.Errorf("entry %.100q has no old path", line)
			}
		}
		if !s.add(string(line)) {
			return Status{}, fmt.Errorf("entry %.100q is malformed", line)
		}
	}
	return s, nil
}

// add takes one entry; the number of fields before the path depends on its kind.
func (s *Status) add(line string) bool {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "#":
		s.header(rest)
		return true
	case "?":
		s.Untracked = append(s.Untracked, rest)
		return rest != ""
	case "!":
		s.Ignored = append(s.Ignored, rest)
		return rest != ""
	}
	fields := map[string]int{"1": 8, "2": 9, "u": 10}[kind]
	parts := strings.SplitN(rest, " ", fields)
	if fields == 0 || len(parts) != fields || len(parts[0]) != 2 || parts[fields-1] == "" {
		return false
	}
	path := parts[fields-1]
	if kind == "u" {
		s.Conflicted = append(s.Conflicted, path)
		return true
	}
	if parts[0][0] != '.' {
		s.Staged = append(s.Staged, path)
	}
	if parts[0][1] != '.' {
		s.Modified = append(s.Modified, path)
	}
	return true
}

func (s *Status) header(line string) {
	key, value, _ := strings.Cut(line, " ")
	switch {
	case key == "branch.oid" && value != "(initial)":
		s.Head = value
	case key == "branch.head" && value != "(detached)":
		s.Branch = value
	case key == "branch.upstream":
		s.Upstream = value
	}
}

// ShortStatus is the text of git status --short --branch for people and models,
// valid UTF-8 of about 16 KB at most: what is left out is counted in a last line.
func (r *Repo) ShortStatus(ctx context.Context, path string) (string, error) {
	const limit = 16 << 10
	admin, err := r.adminDir(path)
	if err != nil {
		return "", fmt.Errorf("read status of %s: %w", path, err)
	}
	out, err := r.git.run(ctx, call{dir: path, at: r.pin(admin, path), args: []string{"-c", "color.status=false", "status", "--short", "--branch",
		"--untracked-files=normal", "--no-column", "--ignore-submodules=dirty"}})
	if err != nil {
		return "", fmt.Errorf("read status of %s: %w", path, err)
	}
	changed, err := r.submodulesOf(ctx, r.pin(admin, path))
	if err != nil {
		return "", fmt.Errorf("read status of %s: %w", path, err)
	}
	text := string(out)
	for _, name := range changed {
		if !strings.Contains(text, " M "+name+"\n") {
			text += " m " + name + "\n"
		}
	}
	return cutLines(strings.ToValidUTF8(text, string(utf8.RuneError)), limit), nil
}

// cutLines keeps whole lines up to limit bytes.
func cutLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := strings.LastIndexByte(text[:limit], '\n') + 1
	return fmt.Sprintf("%s... and %d more lines\n", text[:end], strings.Count(text[end:], "\n"))
}

// Operation names what is under way in the worktree at path: "merge", "rebase",
// "am", "cherry-pick", "revert", "bisect", or "" for nothing. The files are
// those of wt-status.c (wt_status_get_state).
func (r *Repo) Operation(ctx context.Context, path string) (string, error) {
	admin, err := r.adminDir(path)
	if err != nil {
		return "", fmt.Errorf("find operation in %s: %w", path, err)
	}
	for _, op := range []struct{ file, name string }{
		{"rebase-apply/applying", "am"},
		{"rebase-apply", "rebase"},
		{"rebase-merge", "rebase"},
		{"MERGE_HEAD", "merge"},
		{"CHERRY_PICK_HEAD", "cherry-pick"},
		{"REVERT_HEAD", "revert"},
		{"BISECT_LOG", "bisect"},
	} {
		if exists(filepath.Join(admin, filepath.FromSlash(op.file))) || r.hasPseudoRef(ctx, path, op.file) {
			return op.name, nil
		}
	}
	return "", nil
}

// hasPseudoRef asks git where a reftable holds what is a file otherwise.
func (r *Repo) hasPseudoRef(ctx context.Context, path, name string) bool {
	if name != "CHERRY_PICK_HEAD" && name != "REVERT_HEAD" || !isDir(filepath.Join(r.common, "reftable")) {
		return false
	}
	_, err := r.readIn(ctx, path, "rev-parse", "--verify", "--quiet", name)
	return err == nil
}
