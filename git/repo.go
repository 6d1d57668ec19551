package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"wt-mcp/state/osfs"
)

// Repo is one repository. It is immutable but for the turn that its goroutines
// take at the git lock, and safe for concurrent use by goroutines and
// processes.
type Repo struct {
	git    *program
	root   string
	common string
	bare   bool
	turn   chan struct{} // holds one token: the goroutine that may wait for the flock

	sharing func() osfs.Sharing
}

// Open finds the repository that dir lies in: dir may be a main checkout, a
// directory below it, a linked worktree, a bare repository, or inside of one of
// their git directories. GIT_* variables of the environment have no say.
//
// It fails with ErrNotRepository, or with what is one as well: ErrOwner where git
// does not trust who owns it, ErrImplicit where safe.bareRepository wants a bare one
// to be named, see [OpenNamed]. Else with ErrNoGit, ErrTooOld, ErrNoMainCheckout, or
// an fs error for dir.
func Open(ctx context.Context, dir string, options ...Option) (*Repo, error) {
	return open(ctx, dir, false, options)
}

// Option changes how a repository is opened.
type Option func(*program)

// ApprovedBy says who knows whether the user has approved the programs with that
// digest for the repository with that root, see [Programs]. It is asked again and
// again. Without it nothing is approved.
func ApprovedBy(approved func(root, digest string) bool) Option {
	return func(p *program) { p.settings.approved = approved }
}

// OpenNamed is Open for a directory that the user has named as the repository. To
// git that is explicit: safe.bareRepository does not refuse it. Who owns it counts.
func OpenNamed(ctx context.Context, dir string, options ...Option) (*Repo, error) {
	return open(ctx, dir, true, options)
}

func open(ctx context.Context, dir string, explicit bool, options []Option) (*Repo, error) {
	r, err := find(ctx, dir, explicit, options)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	return r, nil
}

func find(ctx context.Context, dir string, explicit bool, options []Option) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%w: it is no directory", ErrNotRepository)
	}
	p, err := findProgram(os.Environ())
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(p)
	}
	found, err := p.discover(ctx, dir, explicit)
	if err != nil {
		return nil, err
	}
	if !explicit && found.planted(dir) {
		return nil, fmt.Errorf("%w: %w: %s lies in the working tree of another repository", ErrNotRepository, ErrImplicit, found.gitDir)
	}
	p.private = filepath.Join(found.common, dirName)
	r := &Repo{git: p, common: found.common, turn: make(chan struct{}, 1),
		sharing: sync.OnceValue(func() osfs.Sharing { return p.askSharing(found.common) })}
	r.root, r.bare, err = p.mainCheckout(ctx, found)
	if err != nil {
		return nil, err
	}
	p.settings.root = r.root
	parsed := make(chan struct{})
	go func() { // what it says is judged when it is asked for; this saves the time
		defer close(parsed)
		_, _ = p.readConfig(ctx, filepath.Join(r.common, "config"), maxIncludes)
	}()
	_, err = p.userList(ctx)
	<-parsed
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Private is the directory within the common one that is ours alone.
func (r *Repo) Private() string { return filepath.Join(r.common, dirName) }

// Root is the top directory of the main checkout. For a bare repository it is
// the repository itself, or its parent when it is named .bare or .git, the
// usual layout with the worktrees beside it.
func (r *Repo) Root() string { return r.root }

// CommonDir is the absolute directory which all worktrees share, with symbolic
// links resolved by git.
func (r *Repo) CommonDir() string { return r.common }

// Bare reports whether the repository has no main checkout.
func (r *Repo) Bare() bool { return r.bare }

// repoDir is what rev-parse says of a directory. top is empty outside of a
// working tree.
type repoDir struct {
	gitDir, common, top string
	bare                bool
}

// planted reports that a git directory was not found by a .git, but because dir is
// in it, and that it lies in the working tree of another repository: then a stranger
// may have committed it there, configuration and all.
func (found repoDir) planted(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	for ; err == nil; dir = filepath.Dir(dir) {
		name := filepath.Join(dir, ".git")
		if exists(name) {
			gitDir := name
			if pointer, err := readSmall(name); err == nil {
				gitDir = absolute(dir, strings.TrimPrefix(pointer, "gitdir: "))
			}
			below, err := filepath.Rel(gitDir, found.gitDir)
			return !sameFile(gitDir, found.gitDir) && (err != nil || !filepath.IsLocal(below))
		}
		if filepath.Dir(dir) == dir {
			break
		}
	}
	return false
}

// discover runs git once, or once per value when a path has a line break in it:
// rev-parse ends values by a newline and has no -z.
func (p *program) discover(ctx context.Context, dir string, explicit bool) (repoDir, error) {
	out, err := p.run(ctx, call{dir: dir, config: naming(explicit), args: []string{"rev-parse", "--path-format=absolute",
		"--git-dir", "--git-common-dir", "--is-bare-repository", "--is-inside-work-tree", "--show-toplevel"}})
	if len(out) == 0 && err != nil {
		return repoDir{}, p.notRepository(ctx, err)
	}
	if strings.HasPrefix(string(out), "--path-format") {
		_, old := p.version(ctx)
		return repoDir{}, errors.Join(ErrTooOld, old)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	switch {
	case err == nil && len(lines) == 5:
		return repoDir{gitDir: nativePath(lines[0]), common: nativePath(lines[1]), bare: lines[2] == "true", top: nativePath(lines[4])}, nil
	case err != nil && len(lines) == 4:
		return repoDir{gitDir: nativePath(lines[0]), common: nativePath(lines[1]), bare: lines[2] == "true"}, nil
	}
	return p.discoverEach(ctx, dir, explicit)
}

// naming is the configuration under which git discovers a directory.
func naming(explicit bool) []string {
	if explicit {
		return []string{"-c", "safe.bareRepository=all"}
	}
	return nil
}

func (p *program) discoverEach(ctx context.Context, dir string, explicit bool) (found repoDir, err error) {
	ask := func(what string) string {
		out, e := p.run(ctx, call{dir: dir, config: naming(explicit), args: []string{"rev-parse", "--path-format=absolute", what}})
		if e != nil && what != "--show-toplevel" {
			err = errors.Join(err, e)
		}
		return strings.TrimSuffix(string(out), "\n")
	}
	found.gitDir, found.common = nativePath(ask("--git-dir")), nativePath(ask("--git-common-dir"))
	found.bare, found.top = ask("--is-bare-repository") == "true", nativePath(ask("--show-toplevel"))
	return found, err
}

// notRepository turns the failure of the first git into a reason.
func (p *program) notRepository(ctx context.Context, err error) error {
	if exitCode(err) != 128 {
		return err
	}
	if _, old := p.version(ctx); errors.Is(old, ErrTooOld) {
		return old
	}
	var e *Error
	switch {
	case !errors.As(err, &e):
	case strings.Contains(e.Stderr, textOwner):
		return fmt.Errorf("%w: %w: %w", ErrNotRepository, refuse(ErrOwner, remedy(e.Stderr)), err)
	case strings.Contains(e.Stderr, textImplicit):
		return fmt.Errorf("%w: %w: %w", ErrNotRepository, ErrImplicit, err)
	}
	return fmt.Errorf("%w: %w", ErrNotRepository, err)
}

// remedy is the command with which git says that its user takes a repository of
// somebody else's.
func remedy(stderr string) string {
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "git config ") && strings.Contains(line, textOwner) {
			return line
		}
	}
	return "git config --global --add safe.directory DIR"
}

// mainCheckout says where the main checkout is and whether there is none.
// A linked worktree does not know; neither does a git directory. There the
// common directory is asked: with GIT_DIR and no core.worktree git takes the
// current directory for the top, which is right exactly for <top>/.git.
func (p *program) mainCheckout(ctx context.Context, found repoDir) (root string, bare bool, err error) {
	if found.gitDir == found.common {
		if found.bare {
			return bareRoot(found.common), true, nil
		}
		if found.top != "" {
			return found.top, false, nil
		}
	}
	parent := filepath.Dir(found.common)
	out, err := p.run(ctx, call{dir: parent, env: []string{"GIT_DIR=" + found.common},
		args: []string{"rev-parse", "--path-format=absolute", "--is-bare-repository", "--show-toplevel"}})
	isBare, top, _ := strings.Cut(string(out), "\n")
	top = nativePath(strings.TrimSuffix(top, "\n"))
	switch {
	case isBare == "true":
		return bareRoot(found.common), true, nil
	case err != nil:
		return "", false, err
	case filepath.Base(found.common) != ".git" && top == parent:
		return "", false, fmt.Errorf("%w (its git directory is %s)", ErrNoMainCheckout, found.common)
	}
	return top, false, nil
}

func bareRoot(common string) string {
	switch filepath.Base(common) {
	case ".bare", ".git":
		return filepath.Dir(common)
	}
	return common
}

// nativePath undoes the forward slashes that git prints on Windows.
func nativePath(p string) string {
	if runtime.GOOS == "windows" {
		return filepath.FromSlash(p)
	}
	return p
}

// read runs git on the repository as a whole and returns its output. The git
// directory is pinned: nothing is discovered. It looks again where something
// vanished while git read it.
func (r *Repo) read(ctx context.Context, args ...string) (out []byte, err error) {
	err = retry(ctx, nothing, func() error {
		out, err = r.git.run(ctx, call{args: args, dir: r.common, at: r.pin("", "")})
		return err
	})
	return out, err
}

// readWhole is read for what decisions rest on.
func (r *Repo) readWhole(ctx context.Context, args ...string) (out []byte, err error) {
	err = retry(ctx, nothing, func() error {
		out, err = r.git.whole(ctx, call{args: args, dir: r.common, at: r.pin("", "")})
		return err
	})
	return out, err
}

// place fixes which repository git works on, so that a worktree whose .git or
// commondir file was rewritten has no say.
type place struct{ admin, common, top string }

// Close removes the temporary directories that a repository keeps while it is used. A
// git that is running still has its own.
func (r *Repo) Close() { r.git.shadows.close() }

// pin is the place of a worktree: its administrative directory and its top, each
// empty for that of the repository as a whole.
func (r *Repo) pin(admin, top string) place {
	return place{admin: cmp.Or(admin, r.common), common: r.common, top: top}
}

// env names the place to git, with a shared directory that is the real one or not.
func (p place) env(common string) []string {
	env := []string{"GIT_DIR=" + p.admin, "GIT_COMMON_DIR=" + common}
	if p.top != "" {
		env = append(env, "GIT_WORK_TREE="+p.top)
	}
	return env
}
