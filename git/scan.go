package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// scan is all that lies below a directory, in an order in which what is in a
// directory follows it. No link is followed; git's own entries are left out.
type scan struct {
	began  time.Time
	items  []item
	repos  map[string]bool // directories with a .git of their own
	closed map[string]bool // directories that could not be read
	bytes  int64           // of the regular files
}

// item is one path, relative with slashes.
type item struct {
	path string
	info os.FileInfo
}

// startScan scans while its caller does something else. wait gives the result as
// often as it is asked; stop gives up and returns when nothing is read any more.
func startScan(ctx context.Context, top string) (wait func() (*scan, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	s := &scan{began: time.Now(), repos: map[string]bool{}, closed: map[string]bool{}}
	var err error
	go func() {
		defer close(done)
		err = s.read(ctx, top)
	}()
	wait = func() (*scan, error) { <-done; return s, err }
	return wait, func() { cancel(); <-done }
}

func (s *scan) read(ctx context.Context, top string) error {
	return filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if name == top {
			return err
		}
		path := filepath.ToSlash(name[len(top)+1:])
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			s.closed[path] = true
			return fs.SkipDir
		case d.Name() == ".git":
			s.repos[slashDir(path)] = true
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil { // gone meanwhile
			return nil
		}
		s.items = append(s.items, item{path, info})
		if info.Mode().IsRegular() {
			s.bytes += info.Size()
		}
		return nil
	})
}
