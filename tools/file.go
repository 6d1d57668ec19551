package tools

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"wt-mcp/state"
	"wt-mcp/tools/jail"
)

// maxFile bounds the files that the file tools read and write.
const maxFile = 10 << 20

// defaultMode is that of a new file, before the umask.
const defaultMode fs.FileMode = 0o644

// looked finds the file of a worktree that is to be read. The caller closes it.
func (b *Board) looked(ctx context.Context, worktree, path string) (*fileAt, error) {
	at, err := b.see(ctx, worktree)
	if err != nil {
		return nil, ofArgument("worktree", err)
	}
	return b.walk(ctx, at, path, (*jail.Jail).Find)
}

// claimed finds what is to be changed: the worktree's task may be claimed. Commit
// does the last step of the change while nobody else can take the task.
func (b *Board) claimed(ctx context.Context, worktree, path string, claim state.Token, find way) (*fileAt, commit, error) {
	lane, err := b.current(ctx, worktree)
	w := lane.Worktree
	if err == nil {
		err = b.hold(ctx, w, claim)
	}
	if err != nil {
		return nil, nil, ofArgument("worktree", err)
	}
	at, err := b.walk(ctx, lane, path, find)
	return at, func(last func() error) error { return b.whileHeld(ctx, w, claim, last) }, err
}

// way is how a path is walked: to what is there, or to what may be made.
type way func(*jail.Jail, string) (*jail.Place, error)

// commit makes a change that is prepared, if it is still allowed.
type commit func(last func() error) error

// whileHeld does something short under the board's lock, if the caller may still
// change the worktree then.
func (b *Board) whileHeld(ctx context.Context, w state.Worktree, claim state.Token, do func() error) error {
	if w.TaskID == nil {
		return do()
	}
	return b.update(ctx, func(tx *state.Tx) error {
		if _, err := b.rules().Now(tx, *w.TaskID, claim); err != nil && state.CodeOf(err) != state.NotFound {
			return err
		}
		return do()
	})
}

// fileAt is where a path of a worktree ends up.
type fileAt struct {
	*jail.Place
	jail *jail.Jail
	path string // as it was given
}

// Close gives it up.
func (f *fileAt) Close() {
	f.Place.Close()
	_ = f.jail.Close()
}

func (b *Board) walk(ctx context.Context, lane whereabouts, path string, walk way) (*fileAt, error) {
	if err := b.gone(ctx, lane.Name, lane, b.present(lane)); err != nil {
		return nil, err
	}
	w := lane.Worktree
	local := filepath.FromSlash(path)
	if within, err := filepath.Rel(w.Path, local); err == nil && filepath.IsAbs(local) {
		local = within
	}
	if !filepath.IsLocal(local) {
		return nil, state.Invalid("path", "pass a path relative to the worktree, such as src/main.go", "%q leads out of worktree %s", state.Clip(path, 100), w.Name)
	}
	root := b.State.Root()
	top, err := jail.Open(w.Path, b.Git.CommonDir(), b.Git.CommonDir(), filepath.Join(root, state.TasksDir), filepath.Join(root, state.WorktreesDir))
	if err != nil {
		return nil, wentAway(w, err)
	}
	place, err := walk(top, local)
	if err != nil {
		_ = top.Close()
		return nil, fileError(path, err)
	}
	return &fileAt{Place: place, jail: top, path: path}, nil
}

// wentAway is why a worktree that was there cannot be opened.
func wentAway(w state.Worktree, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return state.Errorf(state.NotFound, "worktree_list tells what there is now", "worktree %s went away while it was looked at", w.Name)
	}
	return state.Errorf(state.InvalidArgument, "check its permissions", "worktree: %v", err).With("argument", "worktree")
}

// open opens what is there to be read.
func (f *fileAt) open() (io.ReadCloser, int64, error) {
	shown := state.Clip(f.path, 100)
	switch {
	case f.Info == nil:
		return nil, 0, fileError(f.path, fs.ErrNotExist)
	case !f.Info.Mode().IsRegular():
		return nil, 0, noFile(f.path)
	}
	file, err := f.Open()
	if err != nil {
		return nil, 0, fileError(f.path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = fileError(f.path, err)
	case info.Size() > maxFile:
		err = state.Invalid("path", "read a part of it through worktree_run", "%q has %d bytes, the limit is %d", shown, info.Size(), maxFile)
	default:
		return file, info.Size(), nil
	}
	_ = file.Close()
	return nil, 0, err
}

func noFile(path string) error {
	return state.Invalid("path", "name a file; ls through worktree_run lists a directory", "%q is no regular file", state.Clip(path, 100))
}

// replace gives the file new content, and leaves nothing behind where it may not.
func (f *fileAt) replace(data []byte, mode fs.FileMode, commit commit) error {
	err := f.write(data, mode, commit)
	if err != nil {
		f.Undo()
		return fileError(f.path, err)
	}
	return nil
}

func (f *fileAt) write(data []byte, mode fs.FileMode, commit commit) error {
	switch {
	case len(data) > maxFile:
		return state.Invalid("content", "", "has %d bytes, the limit is %d", len(data), maxFile)
	case f.Info != nil && !f.Info.Mode().IsRegular():
		return state.Invalid("path", "name a regular file", "%q is a %s", state.Clip(f.path, 100), kindOf(f.Info.Mode()))
	}
	return f.Replace(data, mode, commit)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	}
	return "special file"
}

func fileError(path string, err error) error {
	var known *state.Error
	if errors.As(err, &known) {
		return err
	}
	shown := state.Clip(path, 100)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state.Errorf(state.NotFound, "ls through worktree_run lists the files", "there is no file %q in the worktree", shown)
	case errors.Is(err, jail.ErrOutside):
		return state.Invalid("path", "pass a path that stays in the worktree", "%q leads out of the worktree", shown)
	case errors.Is(err, jail.ErrGit):
		return state.Invalid("path", "use git commands through worktree_run", "%q is git's own", shown)
	case errors.Is(err, jail.ErrDirectory):
		return noFile(path)
	case errors.Is(err, jail.ErrClosed):
		return state.Invalid("path", "use the tools of the board", "%q is the board's own", shown)
	}
	return state.Errorf(state.InvalidArgument, "check the path", "path: %v", err).With("argument", "path")
}
