package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// addressModules turns the pointers between submodules and their git directories,
// which are relative, to where both will be. Submodules within submodules keep
// theirs: they lie together.
func (r *Repo) addressModules(source halves, path, admin string) error {
	modules := filepath.Join(source.git, "modules")
	if checkReal(modules) != nil {
		return nil
	}
	entries, err := r.entries(context.Background(), source.git, source.files)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(source.files, filepath.FromSlash(e.path))
		if e.mode != "160000" || checkReal(dir) != nil {
			continue
		}
		pointer, err := readSmall(filepath.Join(dir, ".git"))
		_, name, ok := strings.Cut(filepath.ToSlash(strings.TrimPrefix(pointer, "gitdir: ")), "/modules/")
		if err != nil || !ok || !filepath.IsLocal(filepath.FromSlash(name)) {
			continue
		}
		if err := r.addressModule(modules, name, dir, filepath.Join(path, filepath.FromSlash(e.path)), filepath.Join(admin, "modules", filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repo) addressModule(modules, name, dir, path, gitDir string) error {
	out, err := filepath.Rel(path, gitDir)
	if err != nil {
		return err
	}
	back, err := filepath.Rel(gitDir, path)
	if err != nil {
		return err
	}
	config := filepath.Join(modules, filepath.FromSlash(name), "config")
	if !checkRegular(config) {
		return nil
	}
	_, err = r.git.run(context.Background(), call{op: true, dir: r.common, at: r.pin("", ""),
		args: []string{"config", "--file", config, "core.worktree", gitPath(back)}})
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return err
	}
	return rewrite(filepath.Join(dir, ".git"), "gitdir: "+gitPath(out)+"\n")
}
