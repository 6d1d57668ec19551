package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// confined is what a git is started with in a place: its environment.
type confined struct {
	env    []string
	shadow *shadow // nil where the repository's own directory is used
	shared *shadows
}

// inherit lists what git keeps open: where it may outlive us, our directory is in use
// as long as it runs.
func (c confined) inherit(call call) []*os.File {
	if c.shadow == nil || !call.op {
		return call.inherit
	}
	return append(slices.Clone(call.inherit), c.shadow.scratch.lock)
}

func (c confined) close() {
	if c.shadow != nil {
		c.shared.release(c.shadow)
	}
}

// confine keeps a git from running or reading what somebody planted in the shared
// directory of a repository: it gets one of ours in its place, with a configuration
// of ours (see effective) and copies of the lists of patterns. What git looks for in
// the administrative directory, HEAD and the index, stays where it is; so do refs,
// which git finds through that one, and objects. Nobody else may write to ours, and
// what changes in the other after we have read it comes too late.
//
// A call that changes git's list of worktrees or its configuration has to be given
// the real directory. Such a git runs no program and fetches nothing.
func (p *program) confine(ctx context.Context, c call) (confined, error) {
	offline := []string{"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none"}
	if c.at.admin == "" {
		return confined{env: offline[1:]}, nil
	}
	if err := c.at.checkFiles(); err != nil {
		return confined{}, err
	}
	if c.registry {
		return confined{env: slices.Concat(offline, c.at.env(c.at.common))}, nil
	}
	list, fetch, err := p.effective(ctx, c.at)
	if err != nil {
		return confined{}, err
	}
	if c.plain {
		list = withoutDrivers(list)
	}
	if c.apart {
		list = slices.DeleteFunc(list, func(s Setting) bool { return s.Key == "extensions.refstorage" })
	}
	if err := checkPatterns(list, c.at); err != nil {
		return confined{}, err
	}
	files, err := c.at.imitation(list)
	if err != nil {
		return confined{}, err
	}
	s, err := p.shadows.take(p, files)
	if err != nil {
		return confined{}, fmt.Errorf("make git directory: %w", err)
	}
	none := filepath.Join(s.scratch.Dir, "none")
	env := append(c.at.env(s.scratch.Dir), "GIT_OBJECT_DIRECTORY="+filepath.Join(c.at.common, "objects"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+none)
	if fetch && c.op {
		offline = offline[:1]
	}
	return confined{env: append(env, offline...), shadow: s, shared: p.shadows}, nil
}

// withoutDrivers leaves out filters and merge drivers.
func withoutDrivers(list []Setting) []Setting {
	return slices.DeleteFunc(slices.Clone(list), func(s Setting) bool {
		section, sub, _ := s.parts()
		return section == "filter" || section == "merge" && sub != ""
	})
}

// imitation is what the shared directory of ours holds for a place.
func (p place) imitation(list []Setting) (files imitation, err error) {
	if !slices.ContainsFunc(list, func(s Setting) bool { return s.Key == "lfs.storage" }) {
		list = append(list, Setting{Key: "lfs.storage", Value: gitPath(filepath.Join(p.common, "lfs"))})
	}
	files[0] = string(writeSettings(list))
	for i, name := range imitated() {
		if i == 0 {
			continue
		}
		content, err := readFile(filepath.Join(p.common, filepath.FromSlash(name)), listLimit)
		if err != nil {
			return files, err
		}
		files[i] = string(content)
	}
	return files, nil
}

// emptyRepository is a shared directory that says nothing.
func (p *program) emptyRepository() (*scratch, error) {
	s, err := p.scratch()
	if err == nil {
		err = os.Mkdir(filepath.Join(s.Dir, "refs"), 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make git directory: %w", err)
	}
	return s, nil
}

// checkPatterns looks at the lists of patterns that are read where they are.
func checkPatterns(list []Setting, at place) error {
	names := userPatterns()
	for _, s := range list {
		if (s.Key == "core.excludesfile" || s.Key == "core.attributesfile") && s.Value != "" {
			dir := at.top
			if dir == "" {
				dir = at.common
			}
			names = append(names, userPath(dir, s.Value))
		}
	}
	return checkSpecial(names)
}

func checkSpecial(names []string) error {
	for _, name := range names {
		if why := hindrance(name); why != "" {
			return refuse(ErrSpecial, why)
		}
	}
	return nil
}

// userPatterns are the lists that git reads without being told to.
func userPatterns() []string {
	names := []string{"/etc/gitattributes"}
	for _, dir := range userDirs() {
		names = append(names, filepath.Join(dir, "ignore"), filepath.Join(dir, "attributes"))
	}
	return names
}

// userDirs is where git looks for the user's files, the first of them alone where
// there is one.
func userDirs() (dirs []string) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return []string{filepath.Join(dir, "git")}
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config", "git"))
	}
	return dirs
}

// userFiles are the configuration files that git may read for the user. The
// system's may be elsewhere; git tells where it was once there is one.
func (p *program) userFiles() []string {
	names := []string{"/etc/gitconfig"}
	for _, dir := range userDirs() {
		names = append(names, filepath.Join(dir, "config"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		names = append(names, filepath.Join(home, ".gitconfig"))
	}
	for _, kv := range p.env {
		name, value, _ := strings.Cut(kv, "=")
		if (name == "GIT_CONFIG_GLOBAL" || name == "GIT_CONFIG_SYSTEM") && value != "" {
			names = append(names, value)
		}
	}
	return names
}

// common is the repository's shared directory.
func (p *program) common() string { return filepath.Dir(p.private) }
