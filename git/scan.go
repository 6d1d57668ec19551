package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// maxWalk bounds what is looked through at one place.
const maxWalk = 1_000_000

// scan is all that lies below a directory, in an order in which what is in a
// directory follows it. No link is followed; git's own entries are left out. It
// holds the directories open that it goes through, so that no path is too long.
type scan struct {
	began  time.Time
	quick  bool // without the facts that only a look at each file gives
	items  []item
	repos  map[string]bool // directories with a .git of their own
	closed map[string]bool // directories that could not be read
	unseen []string        // what could not be looked at, and why
	gone   bool            // something vanished meanwhile, so something may have come unseen
	bytes  int64           // of the regular files
}

// item is one path, relative with slashes. A quick scan has no info.
type item struct {
	path string
	kind fs.FileMode
	info os.FileInfo
}

// scanning gives a scan as often as it is asked, when it is done.
type scanning func() (*scan, error)

// startScan scans while its caller does something else. stop gives up and returns
// when nothing is read any more.
func startScan(ctx context.Context, top string) (wait scanning, stop func()) {
	return (&scan{}).start(ctx, top)
}

func (s *scan) start(ctx context.Context, top string) (wait scanning, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	s.began, s.repos, s.closed = time.Now(), map[string]bool{}, map[string]bool{}
	var err error
	go func() {
		defer close(done)
		err = s.read(ctx, top)
	}()
	wait = func() (*scan, error) { <-done; return s, err }
	return wait, func() { cancel(); <-done }
}

// read scans top. Its error says that there is no scan: what is below and cannot
// be read is noted as unseen.
func (s *scan) read(ctx context.Context, top string) error {
	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer root.Close()
	return s.directory(ctx, root, "")
}

func (s *scan) directory(ctx context.Context, dir *os.Root, path string) error {
	entries, err := listDir(dir)
	if err != nil {
		s.miss(path, err)
		return nil
	}
	for _, e := range entries {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.Name() == ".git":
			s.repos[path] = true
			continue
		case len(s.items) >= maxWalk:
			s.unseen = append(s.unseen, fmt.Sprintf("%s: there are more than %d files", e.Name(), maxWalk))
			return nil
		}
		if err := s.entry(ctx, dir, joinSlash(path, e.Name()), e); err != nil {
			return err
		}
	}
	return nil
}

// entry takes one entry of a directory, with all below it.
func (s *scan) entry(ctx context.Context, dir *os.Root, path string, e fs.DirEntry) error {
	it := item{path: path, kind: e.Type()}
	if !s.quick {
		info, err := dir.Lstat(e.Name())
		if err != nil {
			s.miss(path, err)
			return nil
		}
		it.info, it.kind = info, info.Mode().Type()
	}
	s.items = append(s.items, it)
	if it.kind.IsRegular() && it.info != nil {
		s.bytes += it.info.Size()
	}
	if !it.kind.IsDir() {
		return nil
	}
	below, err := dir.OpenRoot(e.Name())
	if err != nil {
		s.miss(path, err)
		return nil
	}
	defer below.Close()
	return s.directory(ctx, below, path)
}

// miss notes what could not be looked at.
func (s *scan) miss(path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		s.gone = true
		return
	}
	s.closed[path] = true
	s.unseen = append(s.unseen, joinSlash(path, "")+": "+cause(err).Error())
}

// cause is what is at the bottom of an error that names a path.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// listDir lists an open directory by name.
func listDir(dir *os.Root) ([]fs.DirEntry, error) {
	file, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	entries, err := file.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func joinSlash(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
