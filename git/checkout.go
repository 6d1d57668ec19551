package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"wt-mcp/state/osfs/flock"
)

// Checkout is a directory in which a commit is laid out to be tried, for one user at a
// time. It belongs to a repository of its own that has the objects of this one and
// nothing else of it: no branches, no remotes, no entry on git's list of worktrees. So
// whatever a command does to git in there stays there. It is kept for the next time.
type Checkout struct {
	Path string // of the files

	repo   *Repo
	number int
	lock   *os.File
}

const (
	checkoutsDir = ".check" // beside worktrees: holds the files
	checkoutName = "check-" // in our private directory: holds what git knows of them
	maxCheckouts = 16
	midway       = "unfinished" // in that: the files are being changed
)

// TakeCheckout takes the first checkout that nobody has, below the directory beside
// which worktrees are. accept, where it is not nil, says of one whether it may be used
// now: a command of its last user may not have ended yet.
func (r *Repo) TakeCheckout(beside string, accept func(*Checkout) bool) (*Checkout, error) {
	for n := range maxCheckouts {
		lock, err := r.openPrivate(checkoutName + strconv.Itoa(n) + ".lock")
		if err != nil {
			return nil, fmt.Errorf("take checkout: %w", err)
		}
		c := &Checkout{Path: filepath.Join(beside, checkoutsDir, strconv.Itoa(n)), repo: r, number: n, lock: lock}
		err = flock.TryLock(lock)
		if err == nil && (accept == nil || accept(c)) {
			return c, nil
		}
		c.Close()
		if err != nil && !errors.Is(err, flock.ErrHeld) {
			return nil, fmt.Errorf("take checkout: %w", err)
		}
	}
	return nil, fmt.Errorf("take checkout: %w", refuse(ErrBusy, fmt.Sprintf("all %d are in use", maxCheckouts)))
}

// Close gives it back. Its files stay.
func (c *Checkout) Close() { freeLock(c.lock) }

// Note keeps a word with the checkout for whoever takes it next.
func (c *Checkout) Note(word string) error {
	if err := c.lock.Truncate(0); err != nil {
		return err
	}
	_, err := c.lock.WriteAt([]byte(word), 0)
	return err
}

// Noted is the last word that was kept.
func (c *Checkout) Noted() string {
	word := make([]byte, smallLimit)
	n, _ := c.lock.ReadAt(word, 0)
	return string(word[:n])
}

// Lay makes the files those of a commit, whatever was done to them since: what is
// tracked is as it is there, what is neither tracked nor ignored by the commit's own
// .gitignore files is gone. What these ignore stays, such as what a build left, and
// goes too where fresh is set. Submodules are not filled. Where a call before was cut
// short, or cannot be built upon, all begins anew.
func (c *Checkout) Lay(ctx context.Context, commit string, fresh bool) error {
	if !isObjectID(commit) {
		return fmt.Errorf("lay out %.50q: %w", commit, ErrInvalidName)
	}
	cut := exists(c.private(midway))
	err := c.lay(ctx, commit, fresh || cut)
	if err != nil && ctx.Err() == nil {
		if err = c.discard(); err == nil {
			err = c.lay(ctx, commit, fresh)
		}
	}
	if err != nil {
		return fmt.Errorf("lay out %s: %w", commit, err)
	}
	return nil
}

func (c *Checkout) private(name string) string {
	return filepath.Join(c.repo.Private(), checkoutName+strconv.Itoa(c.number), name)
}

func (c *Checkout) lay(ctx context.Context, commit string, fresh bool) error {
	if err := c.makeDirs(); err != nil {
		return err
	}
	if err := os.WriteFile(c.private(midway), nil, 0o600); err != nil {
		return err
	}
	if err := c.makeRepository(commit); err != nil {
		return err
	}
	if err := c.read(ctx, commit); err != nil {
		return err
	}
	if err := c.clean(ctx, fresh); err != nil {
		return err
	}
	return os.Remove(c.private(midway))
}

// makeDirs makes what is missing, and goes through no link.
func (c *Checkout) makeDirs() error {
	above := filepath.Dir(c.Path)
	for _, dir := range []string{filepath.Dir(above), above, c.Path, c.private("")} {
		if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return checkReal(filepath.Dir(above), above, c.Path, c.repo.Private(), c.private(""))
}

// makeRepository makes the repository anew: what a command did to it is nobody's.
func (c *Checkout) makeRepository(commit string) error {
	dir := c.private("git")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, name := range []string{"refs", "objects/info"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
	if len(commit) > 40 {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectformat = sha256\n"
	}
	for name, content := range map[string]string{"HEAD": detachedHead(commit), "config": config,
		"objects/info/alternates": gitPath(filepath.Join(c.repo.common, "objects")) + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// read has git write what differs, by an index that no command sees; they get a copy.
func (c *Checkout) read(ctx context.Context, commit string) error {
	_ = os.Remove(c.private("index.lock")) // of a git that died: any living one has our lock
	_, err := c.repo.git.run(ctx, call{op: true, inherit: []*os.File{c.lock}, dir: c.Path, at: c.repo.pin(c.private("git"), c.Path),
		env:  []string{"GIT_INDEX_FILE=" + c.private("index")},
		args: []string{"-c", "core.sparseCheckout=false", "-c", "core.splitIndex=false", "read-tree", "--reset", "-u", commit}})
	if err != nil {
		return err
	}
	index, err := os.ReadFile(c.private("index"))
	if err == nil {
		err = os.WriteFile(filepath.Join(c.private("git"), "index"), index, 0o600)
	}
	if err != nil {
		return err
	}
	return rewrite(filepath.Join(c.Path, ".git"), "gitdir: "+gitPath(c.private("git"))+"\n")
}

// clean removes what the commit neither has nor ignores.
func (c *Checkout) clean(ctx context.Context, fresh bool) error {
	args := []string{"-c", "core.excludesFile=", "clean", "-ffdq"}
	if fresh {
		args = append(args, "-x")
	}
	own := c.private("git")
	_, err := c.repo.git.run(ctx, call{op: true, inherit: []*os.File{c.lock}, dir: c.Path, at: place{admin: own, common: own, top: c.Path}, args: args})
	return err
}

// discard removes files and index.
func (c *Checkout) discard() error {
	if err := checkReal(filepath.Dir(c.Path)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := c.repo.checkMounts(c.Path); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Dir(c.Path))
	if err != nil {
		return err
	}
	defer root.Close()
	return errors.Join(removeAll(root, filepath.Base(c.Path)), os.RemoveAll(c.private("")))
}
