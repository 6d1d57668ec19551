package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs"
	"wt-mcp/state/osfs/flock"
)

// ErrNoScratch says that temporary files have no place. Its text names the
// directories that were tried, and what to set.
var ErrNoScratch = errors.New("no directory for temporary files")

const (
	scratchName = "wt-mcp-scratch-"
	scratchLock = "wt-mcp.lock" // held as long as the directory is in use
	scratchRoom = 64 << 10      // bytes that must fit, or the place counts as full
)

// scratch is a directory for one purpose that nobody else may enter. Close takes it
// away; where its process was killed before, SweepScratch does.
type scratch struct {
	Dir  string
	lock *os.File
}

// Close removes the directory with all that is in it.
func (s *scratch) Close() error {
	freeLock(s.lock)
	return os.RemoveAll(s.Dir)
}

// scratch makes a fresh directory in the first place that takes one: TMPDIR, then
// our directory of the repository, then the system's.
func (p *program) scratch() (*scratch, error) { return firstPlace(p, scratchIn) }

// scratchFile makes a file for output. It has no name where the system can do
// that, and is removed by release.
func (p *program) scratchFile() (file *os.File, release func(), err error) {
	if file, err = osfs.Unnamed("wt-mcp-git"); err == nil {
		return file, func() { file.Close() }, nil
	}
	file, err = firstPlace(p, func(place string) (*os.File, error) { return os.CreateTemp(place, scratchName+"*") })
	if err != nil {
		return nil, nil, err
	}
	if os.Remove(file.Name()) == nil {
		return file, func() { file.Close() }, nil
	}
	return file, func() { file.Close(); os.Remove(file.Name()) }, nil
}

// firstPlace tries one place after the other.
func firstPlace[T any](p *program, try func(place string) (T, error)) (made T, err error) {
	var tried []string
	for _, place := range p.scratchPlaces() {
		if err = p.checkPlace(place); err == nil {
			if made, err = try(place); err == nil {
				return made, nil
			}
		}
		tried = append(tried, place+": "+reasonOf(err))
	}
	return made, fmt.Errorf("%w: %s; set TMPDIR to one that takes new files, outside of any working tree", ErrNoScratch, strings.Join(tried, "; "))
}

// reasonOf is an error of the file system without the path in it.
func reasonOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// scratchPlaces lists where temporary files may lie, the best first.
func (p *program) scratchPlaces() []string {
	places := []string{os.TempDir()}
	if p.private != "" {
		places = append(places, p.private)
	}
	for _, place := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		if !slices.Contains(places, place) && filepath.IsAbs(place) {
			places = append(places, place)
		}
	}
	return places
}

// checkPlace refuses a directory in which others could replace what is ours, and
// one that a run may take for its own.
func (p *program) checkPlace(place string) error {
	if place == p.private {
		if info, err := os.Lstat(place); err != nil || !info.IsDir() { // who only reads does not make it
			return errors.Join(err, errors.New("is no directory"))
		}
		return nil
	}
	info, err := os.Stat(place)
	switch {
	case err != nil:
		return err
	case !filepath.IsAbs(place):
		return errors.New("is no absolute path")
	case osfs.OpenToAll(info):
		return errors.New("others may replace files in it (it lacks the sticky bit)")
	case inWorkingTree(place):
		return errors.New("is in a working tree")
	}
	return nil
}

func inWorkingTree(dir string) bool {
	for {
		if exists(filepath.Join(dir, ".git")) {
			return true
		}
		above := filepath.Dir(dir)
		if above == dir {
			return false
		}
		dir = above
	}
}

func scratchIn(place string) (*scratch, error) {
	for {
		dir, err := os.MkdirTemp(place, scratchName+"*")
		if err != nil {
			return nil, err
		}
		lock, err := lockScratch(dir)
		if err == nil {
			return &scratch{Dir: dir, lock: lock}, nil
		}
		os.RemoveAll(dir)
		if !errors.Is(err, flock.ErrHeld) {
			return nil, err
		}
	}
}

// lockScratch answers flock.ErrHeld where a sweep was there before it.
func lockScratch(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, scratchLock), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, flock.ErrHeld
	}
	if err != nil {
		return nil, err
	}
	if err = flock.TryLock(lock); err == nil && !exists(lock.Name()) {
		err = flock.ErrHeld
	}
	if !errors.Is(err, flock.ErrHeld) { // a file system without locks will do
		_, err = lock.Write(make([]byte, scratchRoom))
	}
	if err != nil {
		freeLock(lock)
		return nil, err
	}
	return lock, nil
}

// SweepScratch removes what killed processes of this user left in the places for
// temporary files. What a living one uses it leaves, by the lock; what older
// versions made had none, and stays for an hour. It looks at a bounded number of
// files.
func (r *Repo) SweepScratch(now time.Time) {
	for _, place := range r.git.scratchPlaces() {
		if r.git.checkPlace(place) == nil {
			sweepPlace(place, now)
		}
	}
}

func sweepPlace(place string, now time.Time) {
	const most, looked = 500, 20_000
	dir, err := os.Open(place)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(looked)
	left := most
	for _, name := range names {
		path := filepath.Join(place, name)
		if left > 0 && isScratchName(name) && dropAbandoned(path, now) {
			left--
		}
	}
}

// isScratchName knows the names of older versions too.
func isScratchName(name string) bool {
	return slices.ContainsFunc([]string{scratchName, "wt-mcp-git-", "wt-mcp-objects-", "wt-mcp-repository-"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// dropAbandoned removes a file or directory of ours that has no process any more, and
// reports whether it was one. A file is one whose name was about to go, whoever has it
// open. The lock of a directory is held until all of it is gone: who has just made it
// finds it taken, and makes another.
func dropAbandoned(path string, now time.Time) bool {
	info, err := os.Lstat(path)
	if err != nil || !osfs.OwnedByUs(info) {
		return false
	}
	if !info.IsDir() {
		return info.Mode().IsRegular() && os.Remove(path) == nil
	}
	name := filepath.Join(path, scratchLock)
	if held, err := os.Lstat(name); err != nil || !held.Mode().IsRegular() {
		return errors.Is(err, fs.ErrNotExist) && now.Sub(info.ModTime()) > time.Hour && os.RemoveAll(path) == nil
	}
	lock, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	if err = flock.TryLock(lock); err == nil {
		err = os.RemoveAll(path)
	}
	freeLock(lock)
	if err != nil && !errors.Is(err, flock.ErrHeld) { // Windows removes no file that is open
		err = os.RemoveAll(path)
	}
	return err == nil
}
