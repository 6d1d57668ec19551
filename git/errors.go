package git

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// What can be wrong, for errors.Is.
var (
	ErrNoGit          = errors.New("the git program was not found on PATH")
	ErrTooOld         = errors.New("the git program is too old")
	ErrNotRepository  = errors.New("not a git repository")
	ErrOwner          = errors.New("git does not trust who owns it")
	ErrImplicit       = errors.New("git takes a bare repository only where it is named")
	ErrNoMainCheckout = errors.New("the repository does not say where its main checkout is: name it with --repo")
	ErrNotWorktree    = errors.New("not a worktree of this repository")
	ErrNoCommits      = errors.New("the repository has no commit yet")

	ErrUnknownRevision = errors.New("unknown revision")
	ErrAmbiguous       = errors.New("the name means several things")
	ErrInvalidName     = errors.New("invalid name")

	ErrPathExists     = errors.New("path exists")
	ErrRegistered     = errors.New("path is registered as a worktree")
	ErrBranchExists   = errors.New("branch exists")
	ErrNoBranch       = errors.New("no such branch")
	ErrBranchConflict = errors.New("branch name conflicts with another branch")
	ErrBranchMoved    = errors.New("branch has moved")
	ErrCheckedOut     = errors.New("branch is checked out")

	ErrMainWorktree = errors.New("the main checkout is not removed")
	ErrDirty        = errors.New("worktree has changes")
	ErrLocked       = errors.New("worktree is locked")
	ErrSubmodules   = errors.New("worktree has submodules with work of their own")
	ErrNested       = errors.New("worktree has repositories within it with work of their own")
	ErrOperation    = errors.New("an operation is under way in the worktree")
	ErrUnmerged     = errors.New("commits are held by nothing but the worktree")
	ErrMounted      = errors.New("a file system is mounted below")
	ErrNoSnapshot   = errors.New("no such snapshot")
	ErrIncomplete   = errors.New("worktree is not complete")
	ErrUnseen       = errors.New("could not be looked at")
	ErrUnmovable    = errors.New("it cannot be moved to the trash")

	// ErrPromised says that a checkout needs objects which a remote has promised, and
	// that nothing may be fetched unasked, see [Programs].
	ErrPromised = errors.New("it needs objects that were never fetched")

	ErrBusy   = errors.New("another git process holds a lock file")
	ErrOutput = errors.New("git wrote more than is accepted")
)

// Refused says that nothing was done, why, and what stands in the way.
// Reason is one of the sentinels of this package; What names the refs, paths or
// the lock reason behind it.
type Refused struct {
	Reason error
	What   []string
}

// Error names the reason and the first few things behind it.
func (e *Refused) Error() string {
	const shown = 5
	what := e.What
	more := ""
	if len(what) > shown {
		more = fmt.Sprintf(" and %d more", len(what)-shown)
		what = what[:shown]
	}
	if len(what) == 0 {
		return e.Reason.Error()
	}
	return e.Reason.Error() + ": " + strings.Join(what, ", ") + more
}

// Unwrap gives the reason to errors.Is.
func (e *Refused) Unwrap() error { return e.Reason }

func refuse(reason error, what ...string) error {
	return &Refused{Reason: reason, What: what}
}

// Refusals takes an error apart. whole says that it is made of nothing but these.
func Refusals(err error) (list []*Refused, whole bool) {
	switch e := err.(type) {
	case *Refused:
		return []*Refused{e}, true
	case interface{ Unwrap() []error }:
		whole = true
		for _, one := range e.Unwrap() {
			more, all := Refusals(one)
			list, whole = append(list, more...), whole && all
		}
		return list, whole
	case interface{ Unwrap() error }:
		return Refusals(e.Unwrap())
	}
	return nil, false
}

// Error is a run of git that did not succeed. Args leaves out the fixed
// configuration, ExitCode is -1 when git did not exit by itself, Stderr is
// bounded, Err is the cause below: an *exec.ExitError, the context's error, or
// a sentinel of this package.
type Error struct {
	Args     []string
	Dir      string
	ExitCode int
	Stderr   string
	Err      error

	pid int // 0 where it did not begin
}

// Error gives the subcommand and git's own words.
func (e *Error) Error() string {
	const shown = 1000
	words := strings.TrimSpace(e.Stderr)
	if len(words) > shown {
		words = strings.ToValidUTF8(words[:shown], "") + "..."
	}
	var cause string
	switch {
	case words == "":
		cause = e.Err.Error()
	case e.ExitCode >= 0 && !e.typed():
		cause = words
	default:
		cause = e.Err.Error() + ": " + words
	}
	return "git " + e.subcommand() + ": " + cause
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Is finds what the system told git, in git's words: no room, or no file may be
// opened or written.
func (e *Error) Is(target error) bool {
	code, ok := target.(syscall.Errno)
	return ok && containsAny(e.Stderr, systemWords(code)...)
}

// systemWords are the words in which git passes on an error of the system.
func systemWords(code syscall.Errno) []string {
	switch code {
	case syscall.ENOSPC:
		return []string{"No space left on device", "Out of diskspace"}
	case syscall.EDQUOT:
		return []string{"Disk quota exceeded"}
	case syscall.EROFS:
		return []string{"Read-only file system"}
	case syscall.EMFILE:
		return []string{"Too many open files"}
	}
	return nil
}

// typed reports whether Err says more than "exit status n".
func (e *Error) typed() bool {
	return errors.Is(e.Err, ErrBusy) || errors.Is(e.Err, ErrTooOld) || errors.Is(e.Err, ErrOutput)
}

func (e *Error) subcommand() string {
	if len(e.Args) == 0 {
		return ""
	}
	if e.Args[0] == "worktree" && len(e.Args) > 1 {
		return "worktree " + e.Args[1]
	}
	return e.Args[0]
}

// The only English that is matched: what git 2.36 to 2.5x writes to stderr when
// another git process is at work on the same files, and the settings that it names
// when it refuses a repository. It decides about a retry, ErrBusy and what is
// advised, never about what may be removed. LC_ALL keeps it English.
const (
	textOwner       = "safe.directory"                       // setup.c: die_upon_dubious_ownership
	textImplicit    = "safe.bareRepository"                  // setup.c: setup_git_directory_gently
	textLockExists  = ".lock': File exists"                  // lockfile.c: any lock file
	textConfigLock  = "could not lock config"                // config.c
	textCommonDir   = "/commondir"                           // setup.c: entry vanished while it was read
	textInvalidPath = "Invalid path '"                       // abspath.c: the same
	textLockedFile  = "/locked' for writing"                 // wrapper.c: worktrees/ removed under us
	textBadObject   = "bad object"                           // revision.c: a ref vanished while refs were read
	textNoLeading   = "could not create leading directories" // builtin/worktree.c: the same
)

// isBusy reports whether a held lock file made git fail.
func isBusy(stderr string) bool {
	return containsAny(stderr, textLockExists, textConfigLock)
}

// isTransient reports whether the same call may succeed a moment later.
func isTransient(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.ExitCode < 0 {
		return false
	}
	return isBusy(e.Stderr) || containsAny(e.Stderr, textCommonDir, textInvalidPath, textLockedFile, textNoLeading, textBadObject)
}

func containsAny(s string, texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(s, text) {
			return true
		}
	}
	return false
}
