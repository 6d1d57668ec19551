package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// imitated are the files of a shared directory that git reads and we write; the
// others of it no git of ours needs there.
func imitated() [4]string { return [...]string{"config", "info/exclude", "info/attributes", "shallow"} }

// imitation is what they hold.
type imitation [4]string

// shadow is a directory that a git takes for the shared one of a repository.
type shadow struct {
	scratch *scratch
	files   imitation
	users   int
}

// shadows keeps those that are in use, and a few that were: making one costs more
// than making sure that nobody changed it.
type shadows struct {
	mu   sync.Mutex
	list []*shadow // the one used last is the last
}

const maxShadows = 8

// take finds or makes one that holds these files, for release.
func (s *shadows) take(p *program, files imitation) (*shadow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, have := range s.list {
		if have.files == files {
			s.list = append(slices.Delete(s.list, i, i+1), have)
			have.users++
			if have.untouched() {
				return have, nil
			}
			have.users--
			s.drop(have)
			break
		}
	}
	made, err := p.newShadow(files)
	if errors.Is(err, fs.ErrNotExist) { // somebody who tidies up took it away
		made, err = p.newShadow(files)
	}
	if err != nil {
		return nil, err
	}
	s.list = append(s.list, made)
	for len(s.list) > maxShadows && s.list[0].users == 0 {
		s.drop(s.list[0])
	}
	return made, nil
}

func (s *shadows) release(used *shadow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used.users--
	if used.users == 0 && !slices.Contains(s.list, used) {
		used.scratch.Close()
	}
}

// drop forgets one; it goes when nobody uses it any more.
func (s *shadows) drop(old *shadow) {
	s.list = slices.DeleteFunc(s.list, func(have *shadow) bool { return have == old })
	if old.users == 0 {
		old.scratch.Close()
	}
}

func (s *shadows) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range slices.Clone(s.list) {
		s.drop(have)
	}
}

func (p *program) newShadow(files imitation) (*shadow, error) {
	scratch, err := p.scratch()
	if err != nil {
		return nil, err
	}
	made := &shadow{scratch: scratch, files: files, users: 1}
	err = errors.Join(os.Mkdir(filepath.Join(scratch.Dir, "refs"), 0o700), os.Mkdir(filepath.Join(scratch.Dir, "info"), 0o700))
	for i, name := range imitated() {
		if err == nil && files[i] != "" {
			err = os.WriteFile(made.path(name), []byte(files[i]), 0o600)
		}
	}
	if err != nil {
		scratch.Close()
		return nil, err
	}
	return made, nil
}

func (s *shadow) path(name string) string {
	return filepath.Join(s.scratch.Dir, filepath.FromSlash(name))
}

// untouched makes sure that nobody has written to the directory.
func (s *shadow) untouched() bool {
	for i, name := range imitated() {
		if content, err := readFile(s.path(name), listLimit); err != nil || string(content) != s.files[i] {
			return false
		}
	}
	return isDir(s.path("refs"))
}
