package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state/osfs"
)

// What can stand against a commit, for errors.Is.
var (
	ErrMarkers  = errors.New("conflict markers are left in what would be committed")
	ErrEmbedded = errors.New("a repository within the worktree would be committed as a pointer, without its files")
	ErrIdentity = errors.New("git does not know who commits")
	ErrNoFile   = errors.New("there is no such tracked or changed file")
)

// The files of a commit that goes on, in the worktree's administrative directory.
const (
	indexLock     = "index.lock"
	commitIndex   = "wt-mcp-commit-index"
	commitMessage = "wt-mcp-commit-message"
	commitPaths   = "wt-mcp-commit-paths"
	commitLock    = "wt-mcp-commit-lock" // becomes index.lock
)

// Committing asks for a commit in a worktree.
type Committing struct {
	ID      string // of the run that is to make it
	Path    string // the worktree's top
	Message string
	Paths   []string // these files and directories alone, by their names; none: all that is open
}

// OpenCommit is a commit that is prepared, to be made by a git commit which runs as
// the user would run it, hooks and signing included: [OpenCommit.Command]. It holds
// git's lock on the index until Release, and everything is staged in a copy of the
// index. So a commit that is refused leaves the index byte for byte as it was; where
// all of this is killed, the lock names the run, and [Repo.AbandonedCommit] goes on.
type OpenCommit struct {
	Branch    string   // "" where HEAD is detached
	Before    string   // HEAD; "" before the first commit
	Operation string   // what is under way, see [Repo.Operation]
	Files     []string // whose changes are committed
	Left      []string // what is not, and why: words for people
	Hooks     []string // that git finds
	NoHooks   string   // the configured directory of hooks, where it is missing

	repo  *Repo
	at    place
	from  string   // tree-ish that it is compared with
	paths []string // pathspecs
	env   []string // of the git that commits
	lock  *os.File
}

// OpenCommit prepares a commit, and refuses with a [Refused] what should not be
// committed. A commit of nothing has no Files; where an operation is under way that
// may still be the end of a merge.
func (r *Repo) OpenCommit(ctx context.Context, ask Committing) (*OpenCommit, error) {
	admin, err := r.adminDir(ask.Path)
	if err == nil {
		c := &OpenCommit{repo: r, at: r.pin(admin, ask.Path)}
		if err = c.open(ctx, ask); err == nil {
			return c, nil
		}
		c.Release()
	}
	return nil, fmt.Errorf("prepare commit in %s: %w", ask.Path, err)
}

func (c *OpenCommit) open(ctx context.Context, ask Committing) (err error) {
	if c.lock, err = lockIndex(ctx, c.at.admin, ask.ID); err != nil {
		return err
	}
	for _, path := range ask.Paths {
		c.paths = append(c.paths, ":(top,literal)"+path)
	}
	asked := make(chan error, 1)
	var plain []scopedSetting
	go func() {
		var err error
		plain, err = c.repo.plainSettings(ctx, c.at.top)
		asked <- errors.Join(err, c.repo.checkIdentity(ctx, c.at))
	}()
	open, err := c.look(ctx, ask.Paths)
	if err = errors.Join(err, <-asked); err != nil {
		return err
	}
	filters, err := c.configure(ctx, plain)
	if err == nil {
		err = c.stage(ctx, open, filters)
	}
	if err == nil {
		err = c.judge(ctx)
	}
	if err == nil {
		err = c.write(ask)
	}
	return err
}

// opened is what is open in a worktree: what can be staged.
type opened struct{ paths []string }

// look finds what is open, and notes what of it will not be in the commit.
func (c *OpenCommit) look(ctx context.Context, paths []string) (open opened, err error) {
	args := []string{"--untracked-files=all"}
	if len(c.paths) > 0 {
		args = append(append(args, "--"), c.paths...)
	}
	status, entries, err := c.repo.statusBeside(ctx, c.at, args...)
	if err != nil {
		return open, err
	}
	c.Branch, c.Before = status.Branch, status.Head
	if c.Operation, err = c.repo.Operation(ctx, c.at.top); err != nil {
		return open, err
	}
	if len(status.Conflicted) > 0 {
		return open, refuse(ErrConflicted, status.Conflicted...)
	}
	if err := known(paths, status, entries); err != nil {
		return open, err
	}
	for _, path := range slices.Concat(status.Modified, status.Untracked) {
		if strings.HasSuffix(path, "/") {
			c.Left = append(c.Left, strings.TrimSuffix(path, "/")+" is a repository of its own: none of its files")
		} else {
			open.paths = append(open.paths, path)
		}
	}
	return open, c.addLeft(ctx, status, entries, paths)
}

// addLeft notes what git overlooks, did not see, or has within submodules.
func (c *OpenCommit) addLeft(ctx context.Context, status Status, entries []entry, paths []string) error {
	hidden, err := overlooked(c.at.top, entries)
	if err != nil {
		return err
	}
	left := maxRepositories
	inside, err := c.repo.changedSubmodules(ctx, populated(entries, c.at.top, c.at.top), &left)
	for _, path := range hidden {
		if within := len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return covers(p, path) }); within {
			c.Left = append(c.Left, path+" is changed, and the index tells git to overlook it (assume-unchanged or skip-worktree)")
		}
	}
	for _, path := range inside {
		c.Left = append(c.Left, "submodule "+path+" has changes of its own: commit them there")
	}
	c.Left = append(c.Left, status.Unseen...)
	return err
}

// known refuses a path that is neither tracked nor changed.
func known(paths []string, status Status, entries []entry) error {
	var unknown []string
	changed := status.Changed()
	for _, path := range paths {
		if !slices.ContainsFunc(changed, func(p string) bool { return covers(path, strings.TrimSuffix(p, "/")) }) &&
			!slices.ContainsFunc(entries, func(e entry) bool { return covers(path, e.path) }) {
			unknown = append(unknown, path)
		}
	}
	return refuseAny(ErrNoFile, unknown)
}

// covers reports that a path is another one, or the directory of it.
func covers(path, other string) bool {
	return path == other || path == "." || strings.HasPrefix(other, path+"/")
}

// stage puts what is open into a copy of the index.
func (c *OpenCommit) stage(ctx context.Context, open opened, filters map[string]bool) error {
	if err := c.checkFilters(ctx, open.paths, filters); err != nil {
		return err
	}
	dir, err := osfs.Open(c.at.admin)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := copyIndex(c.at.admin, dir, commitIndex); err != nil {
		return fmt.Errorf("copy index: %w", err)
	}
	if len(open.paths) == 0 {
		return nil
	}
	_, err = c.git(ctx, strings.Join(open.paths, "\x00")+"\x00", "update-index", "-z", "--add", "--remove", "--replace", "--stdin")
	return err
}

// git runs ours with the copy of the index.
func (c *OpenCommit) git(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	return c.repo.git.run(ctx, call{dir: c.at.top, at: c.at, args: args, stdin: strings.NewReader(stdin),
		env: []string{"GIT_INDEX_FILE=" + filepath.Join(c.at.admin, commitIndex)}})
}

// write puts down what the git that commits reads, and in the lock from where the
// commit went out: from then on it may have been made.
func (c *OpenCommit) write(ask Committing) error {
	dir, err := osfs.Open(c.at.admin)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := writeNew(dir, commitMessage, ask.Message+"\n"); err != nil {
		return err
	}
	if len(c.paths) > 0 {
		if err := writeNew(dir, commitPaths, strings.Join(c.paths, "\x00")); err != nil {
			return err
		}
	}
	_, err = c.lock.WriteString("from " + c.Before + "\n")
	return err
}

// writeNew makes a file anew, whatever has its name.
func writeNew(dir *osfs.Dir, name, content string) error {
	_ = dir.Remove(name)
	file, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}

// Command is the command for a POSIX shell that makes the commit, in the worktree and
// with Env.
func (c *OpenCommit) Command() string {
	words := []string{c.repo.git.path, "commit", "--quiet", "--no-status", "--cleanup=whitespace", "--file=" + c.file(commitMessage)}
	if len(c.paths) > 0 {
		words = append(words, "--only", "--pathspec-from-file="+c.file(commitPaths), "--pathspec-file-nul")
	}
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return "exec " + strings.Join(words, " ")
}

// Env is what the git that commits gets beside the environment of a run: where the
// user's configuration is, as for every git of ours, too.
func (c *OpenCommit) Env() []string {
	env := append(slices.Clone(c.env), "GIT_INDEX_FILE="+c.file(commitIndex))
	for _, kv := range c.repo.git.env {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM":
			env = append(env, kv)
		}
	}
	return env
}

func (c *OpenCommit) file(name string) string { return gitPath(filepath.Join(c.at.admin, name)) }
