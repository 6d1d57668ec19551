// Package jail reaches the files of one working tree, and nothing else.
//
// A path is walked one component at a time from a directory that is held open.
// Symbolic links in it are followed by the same walk, so what counts is where a path
// ends up and not how it is written: it ends within the working tree, and not at or
// below a .git, under whatever name some file system has it; not in a directory
// that is a repository's own; not in a directory that was named as closed. What is
// opened is a regular file, what is replaced is replaced in the directory that was
// looked at, whatever is renamed meanwhile.
package jail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

// Why a path is refused.
var (
	ErrOutside   = errors.New("leads out of the worktree")
	ErrGit       = errors.New("is git's own")
	ErrClosed    = errors.New("is the board's own")
	ErrDirectory = errors.New("is a directory")
	ErrLinks     = errors.New("goes through too many symbolic links")
)

const mostLinks = 40

// Jail is a working tree that is held open.
type Jail struct {
	top    *osfs.Dir
	common string        // the git directory of the repository
	closed []fs.FileInfo // directories that nothing leads into
}

// Open holds a working tree of the repository whose git directory is common. The
// closed directories need not be there.
func Open(top, common string, closed ...string) (*Jail, error) {
	dir, err := osfs.Open(top)
	if err != nil {
		return nil, err
	}
	j := &Jail{top: dir, common: common}
	for _, name := range closed {
		if info, err := os.Stat(name); err == nil {
			j.closed = append(j.closed, info)
		}
	}
	return j, nil
}

// Close gives the working tree up.
func (j *Jail) Close() error { return j.top.Close() }

// walk is one way through the working tree.
type walk struct {
	jail  *Jail
	dirs  []*osfs.Dir // held, from the top to where it is; names lead there
	names []string
	rest  []string // still to go
	links int
	made  []string // directories
}

func (w *walk) here() *osfs.Dir { return w.dirs[len(w.dirs)-1] }

func (w *walk) close() {
	for _, dir := range w.dirs[1:] {
		_ = dir.Close()
	}
}

// step is how a walk treats the last component, and what is missing.
type step struct {
	follow bool // the last component, where it is a link
	make   bool // directories that are missing
}

// Find looks for a file that is there, through links also where they are the last
// component.
func (j *Jail) Find(name string) (*Place, error) { return j.walk(name, step{follow: true}) }

// Make looks for where a file is or may be made, and makes the directories that
// lead there. Undo of the place takes them away again.
func (j *Jail) Make(name string) (*Place, error) { return j.walk(name, step{make: true}) }

func (j *Jail) walk(name string, how step) (*Place, error) {
	w := &walk{jail: j, dirs: []*osfs.Dir{j.top}, rest: split(name)}
	place, err := w.run(how)
	if err != nil {
		w.undo()
		w.close()
		return nil, err
	}
	return place, nil
}

func split(name string) []string {
	return strings.FieldsFunc(filepath.ToSlash(name), func(r rune) bool { return r == '/' })
}

func (w *walk) run(how step) (*Place, error) {
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		if name == "." {
			continue
		}
		if name == ".." {
			if err := w.up(); err != nil {
				return nil, err
			}
			continue
		}
		place, err := w.enter(name, how)
		if place != nil || err != nil {
			return place, err
		}
	}
	return nil, ErrDirectory
}

func (w *walk) up() error {
	if len(w.names) == 0 {
		return ErrOutside
	}
	_ = w.here().Close()
	w.dirs, w.names = w.dirs[:len(w.dirs)-1], w.names[:len(w.names)-1]
	return nil
}

// enter goes through one component. A place is the end of the walk.
func (w *walk) enter(name string, how step) (*Place, error) {
	if gitName(name) {
		return nil, ErrGit
	}
	info, err := w.here().Lstat(name)
	last := len(w.rest) == 0
	switch {
	case errors.Is(err, fs.ErrNotExist) && how.make && last:
		return &Place{walk: w, name: name}, nil
	case errors.Is(err, fs.ErrNotExist) && how.make:
		return nil, w.makeDir(name)
	case err != nil:
		return nil, err
	}
	if git, err := w.here().Lstat(".git"); err == nil && os.SameFile(git, info) {
		return nil, ErrGit
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0 && (how.follow || !last):
		return nil, w.follow(name)
	case info.IsDir() && !(how.make && last):
		return nil, w.down(name)
	case last:
		return &Place{walk: w, name: name, Info: info}, nil
	}
	return nil, fmt.Errorf("%s is %s, no directory", path.Join(append(w.names, name)...), osfs.Kind(info.Mode()))
}

func (w *walk) follow(name string) error {
	target, err := w.here().Readlink(name)
	switch w.links++; {
	case err != nil:
		return err
	case w.links > mostLinks:
		return ErrLinks
	case filepath.IsAbs(target) || filepath.VolumeName(target) != "" || strings.HasPrefix(filepath.ToSlash(target), "/"):
		return ErrOutside
	}
	w.rest = append(split(target), w.rest...)
	return nil
}

// down holds a directory, if it may be entered.
func (w *walk) down(name string) error {
	dir, err := w.here().Sub(name)
	if err != nil {
		return err
	}
	w.dirs, w.names = append(w.dirs, dir), append(w.names, name)
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	for _, closed := range w.jail.closed {
		if os.SameFile(closed, info) {
			return ErrClosed
		}
	}
	if isRepository(dir) {
		return ErrGit
	}
	return nil
}

func (w *walk) makeDir(name string) error {
	err := w.here().Mkdir(name, 0o755)
	if err == nil {
		w.made = append(w.made, path.Join(append(w.names, name)...))
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return w.down(name)
}

// undo takes away the directories that the walk made, if they are empty.
func (w *walk) undo() {
	for i := len(w.made) - 1; i >= 0; i-- {
		_ = w.jail.top.Remove(w.made[i])
	}
}
