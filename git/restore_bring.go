package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"wt-mcp/state/osfs"
)

// halves are the two parts of a worktree that is not in its place, each on the file
// system where it belongs, and the homes that are cleared when both are there.
type halves struct {
	files, git string
	homes      []string
}

// bring gives the halves of a trash. Files on another file system than where they are
// to be are copied; the originals stay in the trash.
func (r *Repo) bring(ctx context.Context, rs Restore, source string) (halves, error) {
	from := halves{files: r.filesOf(source), git: filepath.Join(source, "git"), homes: []string{source}}
	if osfs.SameDevice(from.files, filepath.Dir(rs.Path)) {
		return from, nil
	}
	home, parts, err := r.makeHome(rs.Path, rs.Op)
	if err != nil {
		return from, err
	}
	part := filepath.Join(parts, "files"+unfinished)
	if err := copyTree(ctx, from.files, part); err != nil {
		r.discard(part)
		r.clear(home)
		return from, err
	}
	files := filepath.Join(parts, "files")
	return halves{files: files, git: from.git, homes: []string{home}}, os.Rename(part, files)
}

// discard deletes what a copy has made.
func (r *Repo) discard(dir string) {
	if root, err := os.OpenRoot(filepath.Dir(dir)); err == nil {
		_ = removeAll(root, filepath.Base(dir))
		root.Close()
	}
}

// makeHome makes a home for what is to go to path, and says where its files belong.
func (r *Repo) makeHome(path, op string) (home, parts string, err error) {
	var errs []error
	for _, parent := range r.trashParents(path) {
		home, err := r.makeTrash(parent, op)
		parts := home
		if err == nil && !osfs.SameDevice(home, filepath.Dir(path)) {
			parts, err = r.makeAside(path, home)
		}
		if err == nil {
			return home, parts, nil
		}
		r.clear(home)
		errs = append(errs, err)
	}
	return "", "", errors.Join(errs...)
}
