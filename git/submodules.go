package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// maxRepositories bounds how many submodules one look goes into, those of others
// included: a stranger's may be within themselves.
const maxRepositories = 1000

// place is that of another repository, with files at top.
func (repo repository) place() place {
	common := repo.gitDir
	if pointer, err := readSmall(filepath.Join(repo.gitDir, "commondir")); err == nil {
		common = absolute(repo.gitDir, pointer)
	}
	return place{admin: repo.gitDir, common: common, top: repo.top}
}

// addSubmodules looks into the submodules of a place whose status git has told.
func (r *Repo) addSubmodules(ctx context.Context, status *Status, repos []repository) error {
	left := maxRepositories
	changed, err := r.changedSubmodules(ctx, repos, &left)
	status.addModified(changed)
	return err
}

// statusWithin is the status of another repository, with what is in its submodules.
func (r *Repo) statusWithin(ctx context.Context, repo repository, left *int) (Status, error) {
	if *left--; *left < 0 {
		return Status{}, refuse(ErrUnseen, fmt.Sprintf("%s: there are more than %d repositories within each other", repo.name, maxRepositories))
	}
	status, entries, err := r.statusAndIndex(ctx, repo.place())
	if err == nil && len(status.Unseen) > 0 {
		err = refuse(ErrUnseen, status.Unseen...)
	}
	if err != nil {
		return Status{}, err
	}
	changed, err := r.changedSubmodules(ctx, populated(entries, repo.top, repo.top), left)
	status.addModified(changed)
	return status, err
}

// changedSubmodules lists those in which anything differs from their own HEAD.
func (r *Repo) changedSubmodules(ctx context.Context, repos []repository, left *int) (names []string, err error) {
	for _, repo := range repos {
		if info, err := os.Lstat(repo.top); err != nil || !info.IsDir() {
			continue // git says so
		}
		status, err := r.statusWithin(ctx, repo, left)
		if err != nil {
			return nil, fmt.Errorf("look into submodule %s: %w", repo.name, err)
		}
		if len(status.Changed()) > 0 {
			names = append(names, repo.name)
		}
	}
	return names, nil
}

// addModified adds paths in git's order.
func (s *Status) addModified(paths []string) {
	if len(paths) > 0 {
		s.Modified = append(s.Modified, paths...)
		slices.Sort(s.Modified)
		s.Modified = slices.Compact(s.Modified)
	}
}

// submodulesOf lists the changed ones of a place, for who has not asked for its index.
func (r *Repo) submodulesOf(ctx context.Context, at place) (names []string, err error) {
	if !at.mayHaveSubmodules() {
		return nil, nil
	}
	entries, err := r.entriesAt(ctx, at)
	if err != nil {
		return nil, err
	}
	left := maxRepositories
	return r.changedSubmodules(ctx, populated(entries, at.top, at.top), &left)
}

// mayHaveSubmodules reports whether the mode of a submodule stands anywhere in the
// index (gitformat-index(5)), or some of the index is in another file.
func (p place) mayHaveSubmodules() bool {
	index, err := readFile(filepath.Join(p.admin, "index"), maxIndex)
	return err != nil || bytes.Contains(index, []byte{0, 0, 0xe0, 0}) || bytes.Contains(index, []byte("link\x00\x00"))
}

const maxIndex = 64 << 20 // of one that is looked through without git
