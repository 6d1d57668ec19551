package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state"
)

// maxFile bounds the files that the file tools read and write.
const maxFile = 10 << 20

// defaultMode is that of a new file, before the umask.
const defaultMode fs.FileMode = 0o644

// openRoot opens a worktree's directory as a jail: no path leads out of it, not
// by "..", an absolute path or a symbolic link.
func (b *Board) openRoot(ctx context.Context, worktree, path string) (*os.Root, string, error) {
	w, err := b.entry(ctx, worktree)
	if err != nil {
		return nil, "", ofArgument("worktree", err)
	}
	return b.jail(w, path)
}

// openClaimed is openRoot for a change: the worktree's task may be claimed. Commit
// does the last step of the change while nobody else can take the task.
func (b *Board) openClaimed(ctx context.Context, worktree, path string, claim state.Token) (root *os.Root, local string, commit commit, err error) {
	w, err := b.entry(ctx, worktree)
	if err == nil {
		err = b.hold(ctx, w, claim)
	}
	if err != nil {
		return nil, "", nil, ofArgument("worktree", err)
	}
	root, local, err = b.jail(w, path)
	return root, local, func(last func() error) error { return b.whileHeld(ctx, w, claim, last) }, err
}

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

func (b *Board) jail(w state.Worktree, path string) (*os.Root, string, error) {
	if err := b.present(w); err != nil {
		return nil, "", err
	}
	local := filepath.FromSlash(path)
	if !filepath.IsLocal(local) {
		return nil, "", invalid("path", "pass a path relative to the worktree, such as src/main.go", "%q leads out of worktree %s", state.Clip(path, 100), w.Name)
	}
	local = filepath.Clean(local)
	if first, _, _ := strings.Cut(filepath.ToSlash(local), "/"); strings.EqualFold(first, ".git") {
		return nil, "", invalid("path", "use git commands through worktree_run", "%q is git's own", state.Clip(path, 100))
	}
	root, err := os.OpenRoot(w.Path)
	if err != nil {
		return nil, "", fmt.Errorf("open worktree %s: %w", w.Name, err)
	}
	return root, local, nil
}

// readIn reads a regular file within root.
func readIn(root *os.Root, path string) ([]byte, fs.FileMode, error) {
	info, err := root.Stat(path)
	if err != nil {
		return nil, 0, fileError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, invalid("path", "name a file; ls through worktree_run lists a directory", "%q is no regular file", path)
	}
	if info.Size() > maxFile {
		return nil, 0, invalid("path", "read a part of it through worktree_run", "%q has %d bytes, the limit is %d", path, info.Size(), maxFile)
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, 0, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return data, info.Mode().Perm(), err
}

// writeIn replaces a file within root by a rename, so that no reader sees half
// of it and no hard link to elsewhere is written through.
func writeIn(root *os.Root, path string, data []byte, mode fs.FileMode, commit commit) error {
	if len(data) > maxFile {
		return invalid("content", "", "has %d bytes, the limit is %d", len(data), maxFile)
	}
	if dir := filepath.Dir(path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return fileError(path, err)
		}
	}
	if info, err := root.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return invalid("path", "name a regular file", "%q is a %s", path, kindOf(info.Mode()))
	}
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.wt-mcp-%d.tmp", filepath.Base(path), os.Getpid()))
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fileError(path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = commit(func() error { return root.Rename(tmp, path) })
	}
	if err != nil {
		_ = root.Remove(tmp)
		return fileError(path, err)
	}
	return nil
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
	shown := state.Visible(state.Clip(path, 100))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state.Errorf(state.NotFound, "ls through worktree_run lists the files", "there is no file %q in the worktree", shown)
	case strings.Contains(err.Error(), "escapes from parent"):
		return invalid("path", "pass a path that stays in the worktree", "%q leads out of the worktree", shown)
	}
	return state.Errorf(state.InvalidArgument, "check the path", "path: %v", err).With("argument", "path")
}
