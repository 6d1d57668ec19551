package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// annex is a repository of our own, for a moment, that has all objects of another one
// and takes new ones, which that one never sees. No call in it runs a filter or a
// merge driver, and none writes anywhere else.
type annex struct {
	repo    *Repo
	scratch *scratch
	layouts *planner // lays out attributes
}

// annex makes one, for Close.
func (r *Repo) annex() (*annex, error) {
	s, err := r.git.scratch()
	if err != nil {
		return nil, err
	}
	a := &annex{repo: r, scratch: s, layouts: &planner{Chain: Chain{Reading: true}, repo: r, scratch: &Quarantine{scratch: s, common: r.common}}}
	for _, dir := range []string{a.objects(), filepath.Join(s.Dir, "refs"), filepath.Join(s.Dir, "tree")} {
		err = errors.Join(err, os.Mkdir(dir, 0o700))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(s.Dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600))
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("make git directory: %w", err)
	}
	return a, nil
}

// Close removes it with all objects that it took.
func (a *annex) Close() { a.scratch.Close() }

func (a *annex) objects() string { return filepath.Join(a.scratch.Dir, "objects") }

// env has git put new objects here, and find the others where they are.
func (a *annex) env() []string {
	return []string{"GIT_OBJECT_DIRECTORY=" + a.objects(), alternates([]string{alternate(filepath.Join(a.repo.common, "objects"))}),
		"GIT_INDEX_FILE=" + filepath.Join(a.scratch.Dir, "index.none")}
}

// run runs git in it.
func (a *annex) run(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	return a.with(ctx, filepath.Join(a.scratch.Dir, "tree"), stdin, args...)
}

// with runs git in it on the files of a directory, such as attributes.
func (a *annex) with(ctx context.Context, top string, stdin io.Reader, args ...string) ([]byte, error) {
	c := a.call(top, place{admin: a.scratch.Dir, common: a.repo.common, top: top}, stdin, args...)
	c.apart = true
	return a.repo.git.run(ctx, c)
}

// attributes is a directory with the attributes that a commit has, and nothing else.
func (a *annex) attributes(ctx context.Context, commit string) (string, error) {
	return a.layouts.attributes(ctx, commit, nil)
}

// in runs git on the files of a worktree, whose index it does not have.
func (a *annex) in(ctx context.Context, at place, stdin io.Reader, args ...string) ([]byte, error) {
	return a.repo.git.run(ctx, a.call(at.top, at, stdin, args...))
}

func (a *annex) call(dir string, at place, stdin io.Reader, args ...string) call {
	return call{dir: dir, at: at, env: a.env(), stdin: stdin, args: args, plain: true, config: []string{
		"-c", "core.fsync=none", "-c", "core.compression=0", "-c", "pack.compression=0", "-c", "fastimport.unpackLimit=1"}}
}
