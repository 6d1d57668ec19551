package tools

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
)

// whereabouts is an entry with the path and the branch that its worktree has by now.
type whereabouts struct {
	state.Worktree
	was  state.Worktree
	kind string // how it is not as the board has it; "" where it is
	note string // the same for people
	next string // what mends it, where that takes somebody's decision
}

// told is the note with what to do about it.
func (at whereabouts) told() string { return strings.TrimSuffix(at.note+"; "+at.next, "; ") }

// The kinds. Those of path come before those of branch.
const (
	isMoved    = "moved"    // git has it elsewhere
	isCarried  = "carried"  // it lies elsewhere, and git looks for it where it was
	isCopied   = "copied"   // so it does, and where it was is another repository's worktree
	isForeign  = "foreign"  // it is the worktree of another repository, of which this is a copy
	isBroken   = "broken"   // there is something else at its path
	isGone     = "gone"     // there is nothing at its path
	isSwitched = "switched" // it is on another branch
	isDetached = "detached" // it is on no branch
)

// known is what tells where worktrees are: what git lists, and what the board has.
type known struct {
	trees   []git.Worktree
	entries []state.Worktree
	strays  []string // directories beside the lanes that git looks for elsewhere
}

func (b *Board) known(ctx context.Context, entries []state.Worktree) (k known, err error) {
	k.entries = entries
	if k.trees, err = b.Git.Worktrees(ctx); err != nil {
		return k, ops.GitError("list worktrees", err)
	}
	k.strays = b.Git.Strays(filepath.Dir(b.worktreePath("x")))
	return k, nil
}

// places are the paths at which a worktree may lie that git looks for elsewhere.
func (k known) places() []string {
	places := slices.Clone(k.strays)
	for _, t := range k.trees {
		places = append(places, t.Path)
	}
	return places
}

func (k known) taken(path string) bool {
	for _, w := range k.entries {
		if w.Live() && w.Path == path {
			return true
		}
	}
	return false
}

// find says where the worktree of an entry is. It reads a few small files.
func (b *Board) find(ctx context.Context, k known, w state.Worktree) whereabouts {
	at := whereabouts{Worktree: w, was: w}
	err := b.Git.CheckWorktree(w.Path)
	switch there := onDisk(w.Path); {
	case err == nil && w.Path != b.State.Root():
		return b.onBranch(ctx, at)
	case b.moved(k, &at), b.carried(k, &at):
		return b.onBranch(ctx, at)
	case there && b.Git.OwnerElsewhere(w.Path) != "":
		at.kind = isForeign
		at.note = fmt.Sprintf("it is the worktree of %s, and one of the two repositories is a copy of the other", b.Git.OwnerElsewhere(w.Path))
	case there:
		at.kind, at.note = isBroken, "its .git file is gone or leads elsewhere"
	default:
		at.kind, at.note = isGone, "its directory is gone"
		for _, t := range k.trees { // git knows what it was on
			if t.Path == w.Path && t.Branch != "" && t.Branch != w.Branch {
				at.Branch = t.Branch
				at.add(isSwitched, "on the board: "+orNone(w.Branch))
			}
		}
	}
	return at
}

// elsewhere reports that what the board means is another repository's, or tied to it.
func (at whereabouts) elsewhere() bool { return at.kind == isCopied || at.kind == isForeign }

// moved finds it where git worktree move or repair has put it: on its branch, or by
// the name that git gave it.
func (b *Board) moved(k known, at *whereabouts) bool {
	for _, same := range []func(git.Worktree) bool{
		func(t git.Worktree) bool { return t.Branch == at.Branch && t.Branch != "" },
		func(t git.Worktree) bool { return t.Entry == filepath.Base(at.Path) },
	} {
		for _, t := range k.trees {
			if same(t) && !k.taken(t.Path) && t.Path != b.State.Root() && b.Git.CheckWorktree(t.Path) == nil {
				at.kind, at.note = isMoved, "moved; on the board: "+at.Path
				at.Path = t.Path
				return true
			}
		}
	}
	return false
}

// carried finds it where it came when the repository was moved or copied, or somebody
// moved it without git.
func (b *Board) carried(k known, at *whereabouts) bool {
	home := b.worktreePath(at.Name)
	for _, path := range slices.Concat([]string{home, at.Path}, k.places()) {
		own := path == home || path == at.Path
		if b.Git.CheckRelink(path) != nil || !own && (b.Git.EntryOf(path) != filepath.Base(at.Path) || k.taken(path)) {
			continue
		}
		at.next = "wt-mcp doctor --fix ties it to this repository"
		switch owner := b.Git.OwnerElsewhere(at.Path); {
		case owner != "" && path == at.Path:
			at.kind, at.note = isCopied, owner+" has taken it, as git worktree repair does in a copy of a repository"
		case owner != "":
			at.kind, at.note = isCopied, "this repository is a copy of that of "+owner+", in which git works there"
		case path == at.Path:
			at.kind, at.note = isCarried, "the repository was moved"
		default:
			at.kind, at.note = isCarried, "moved without git; on the board: "+at.Path
		}
		at.Path = path
		return true
	}
	return false
}

// onBranch asks which branch it is on. One that an operation under way comes back to
// is its branch.
func (b *Board) onBranch(ctx context.Context, at whereabouts) whereabouts {
	now, err := b.Git.HeadBranch(ctx, at.Path)
	was := at.Branch
	switch {
	case err != nil:
		at.note = state.Visible(state.Clip(err.Error(), 200))
		return at
	case now == was, now == "" && b.Git.ReturnsTo(at.Path) == was:
		return at
	case now == "":
		at.Branch = ""
		at.add(isDetached, "HEAD is detached; on the board: "+was)
	default:
		at.Branch = now
		at.add(isSwitched, "on the board: "+orNone(was))
	}
	return at
}

func orNone(branch string) string {
	if branch == "" {
		return "no branch"
	}
	return branch
}

// add adds what is true of the branch to what is of the path.
func (at *whereabouts) add(kind, note string) {
	if at.kind == "" {
		at.kind = kind
	}
	at.note = strings.TrimPrefix(at.note+"; "+note, "; ")
}

// see returns the live entry of a worktree as it is by now. It changes nothing.
func (b *Board) see(ctx context.Context, name string) (at whereabouts, err error) {
	var all []state.Worktree
	err = b.State.View(ctx, func(v *state.View) error {
		if at.Worktree, err = rules.Live(v, name); err == nil {
			all, err = v.Worktrees()
		}
		return err
	})
	if err != nil {
		return at, err
	}
	if at.was = at.Worktree; b.Git.CheckWorktree(at.Path) == nil && at.Path != b.State.Root() {
		return b.onBranch(ctx, at), nil
	}
	k, err := b.known(ctx, all)
	if err != nil {
		return at, err
	}
	return b.find(ctx, k, at.Worktree), nil
}

// present refuses a worktree whose directory is gone, and one that git does not
// have at that place: a registry that came with a repository may name any path.
func (b *Board) present(at whereabouts) error {
	switch at.kind {
	case isGone:
		return state.Errorf(state.NotFound, fmt.Sprintf(`if somebody moved it, git worktree repair NEW-PATH tells git where; if it is gone, worktree_remove {"name":%q} takes it off the board`, at.Name),
			"the directory of worktree %s is gone: %s", at.Name, at.Path).With("path", at.Path)
	case isCopied, isCarried:
		return state.Errorf(state.Conflict, at.next+", and leaves any other one as it is",
			"git does not find worktree %s, which lies at %s: %s", at.Name, at.Path, at.note).With("path", at.Path)
	case isForeign:
		return state.Errorf(state.Conflict, "work on it there; worktree_create makes another one here, under another name",
			"%s is not the worktree of this repository that the board means: %s", at.Path, at.note).With("path", at.Path)
	case isBroken:
		return b.notOurs(at.Path)
	}
	return nil
}

// notOurs refuses a directory that git does not have as the worktree in question. The
// hint is about its .git file alone: git worktree repair writes those of all others,
// too, and where the repository is a copy they belong to another one.
func (b *Board) notOurs(path string) error {
	next := "wt-mcp does not touch it; move it away, then call worktree_remove"
	if text := b.Git.PointerFor(path); text != "" {
		next = fmt.Sprintf("wt-mcp does not touch it; if it still is the worktree, its .git file has to hold %q; if it is another directory, move it away and call worktree_remove", text)
	}
	return state.Errorf(state.Conflict, next, "%s is not the worktree of this repository that the board means", path)
}

// statusError says in the contract's terms why git does not say how a worktree is.
func (b *Board) statusError(w state.Worktree, err error) error {
	if errors.Is(err, git.ErrNotWorktree) {
		return b.notOurs(w.Path)
	}
	return ops.GitError("read the status of worktree "+w.Name, err)
}
