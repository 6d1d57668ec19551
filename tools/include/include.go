// Package include copies files that git does not carry from the main checkout
// into a new worktree.
//
// A copy follows no symbolic link: links are made again as they are, relative or
// absolute. It writes through an os.Root, so that no link in the new checkout
// leads it elsewhere, and overwrites nothing that is there: what the branch
// tracks wins. Modes (without set-id bits), times and holes are kept, owners, extended
// attributes and hard links are not; sockets, pipes, devices, other
// worktrees and everything named .git are left out. Where the file system shares blocks between files
// (FICLONE, clonefile), nothing is written twice.
//
// A copy that was killed is finished by another Copy of the same paths: until a
// file is complete its mode is one that no other has (not on Windows, where what
// a kill cut short stays as it is).
package include

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wt-mcp/state/osfs"
)

// Result says what a copy did. Files counts regular files and links.
type Result struct {
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"`
	Cloned  int      `json:"cloned" jsonschema:"of files, those that share their blocks with the original"`
	Skipped int      `json:"skipped" jsonschema:"what was there already, and what is no file"`
	Errors  []string `json:"errors,omitempty"`
}

// Complete reports whether nothing failed.
func (r Result) Complete() bool { return len(r.Errors) == 0 }

const (
	workers   = 4
	chunkSize = 256 // entries of one directory that one worker takes at a time
	maxErrors = 10
)

// Copy copies paths, relative and with slashes, a directory with all below it
// where a slash ends it, from one directory to the same places in another one. It
// goes on after an error, but not after one that every other file would meet too,
// nor after the end of ctx. told, where it is not nil, hears twice a second how
// far it is.
func Copy(ctx context.Context, from, to string, paths []string, told func(Result)) Result {
	c := &copier{ctx: ctx, buffers: sync.Pool{New: func() any { return new([small]byte) }}}
	c.cloning.Store(true)
	c.ready = sync.NewCond(&c.mu)
	defer c.closeRoots()
	if err := c.open(from, to); err != nil {
		c.fail(".", err)
		return c.result()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(paths)
	}()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			if ctx.Err() != nil {
				c.fail(".", context.Cause(ctx))
			}
			return c.result()
		case <-tick.C:
			if told != nil {
				told(c.result())
			}
		}
	}
}

// copier is one copy. Its queue is worked off from its end, so that few
// directories are open at a time.
type copier struct {
	ctx      context.Context
	from, to *os.Root
	cloning  atomic.Bool // until the file system refuses
	stopped  atomic.Bool // no further file can be written
	buffers  sync.Pool   // of *[small]byte

	files, cloned, skipped, bytes atomic.Int64

	mu     sync.Mutex
	ready  *sync.Cond // the queue grew, or nothing is left to do
	queue  []func()
	busy   int // steps under way
	failed int
	errs   []string
}

func (c *copier) open(from, to string) (err error) {
	if c.from, err = os.OpenRoot(from); err == nil {
		c.to, err = os.OpenRoot(to)
	}
	return err
}

func (c *copier) closeRoots() {
	for _, root := range []*os.Root{c.from, c.to} {
		if root != nil {
			root.Close()
		}
	}
}

func (c *copier) result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Result{Files: int(c.files.Load()), Bytes: c.bytes.Load(), Cloned: int(c.cloned.Load()), Skipped: int(c.skipped.Load())}
	r.Errors = append(r.Errors, c.errs...)
	if more := c.failed - len(c.errs); more > 0 {
		r.Errors = append(r.Errors, fmt.Sprintf("and %d more", more))
	}
	return r
}

// run works off the queue until it is empty and no step is under way.
func (c *copier) run(paths []string) {
	for _, path := range paths {
		c.push(func() { c.path(path) })
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for step := c.next(); step != nil; step = c.next() {
				if !c.stopped.Load() && c.ctx.Err() == nil {
					step()
				}
				c.stepped()
			}
		})
	}
	group.Wait()
}

func (c *copier) push(step func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, step)
	c.ready.Signal()
}

// next takes a step; nil when all is done.
func (c *copier) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && c.busy > 0 {
		c.ready.Wait()
	}
	if len(c.queue) == 0 {
		return nil
	}
	last := len(c.queue) - 1
	step := c.queue[last]
	c.queue = c.queue[:last]
	c.busy++
	return step
}

func (c *copier) stepped() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy--; c.busy == 0 {
		c.ready.Broadcast()
	}
}

// errSkipped stands for what is left out, and is no error.
var errSkipped = errors.New("left out")

// vanished takes an original that somebody removed meanwhile for one left out.
func vanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errSkipped
	}
	return err
}

// fail notes an error.
func (c *copier) fail(path string, err error) {
	if err == nil {
		return
	}
	if errors.Is(err, errSkipped) {
		c.skipped.Add(1)
		return
	}
	if osfs.NoSpace(err) || osfs.ReadOnlyFS(err) { // every other file would meet it too
		c.stopped.Store(true)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed++; len(c.errs) < maxErrors {
		var inner *fs.PathError
		if errors.As(err, &inner) {
			err = inner.Err
		}
		c.errs = append(c.errs, fmt.Sprintf("%s: %v", filepath.ToSlash(path), err))
	}
}

// path begins with one of the paths asked for.
func (c *copier) path(path string) {
	name, isDir := strings.CutSuffix(path, "/")
	name = filepath.FromSlash(name)
	if !filepath.IsLocal(name) {
		c.fail(name, errors.New("leads out of the checkout"))
		return
	}
	if !c.makeParents(filepath.Dir(name)) {
		return
	}
	if isDir {
		if made, err := c.makeDir(name, unfinishedDir); err == nil {
			c.directory(name, made)
		}
		return
	}
	info, err := c.from.Lstat(name)
	if err != nil {
		c.fail(name, vanished(err))
		return
	}
	if f := c.folder(filepath.Dir(name)); f != nil {
		f.copy(filepath.Base(name), info.Mode().Type())
		f.done()
	}
}

// makeParents makes the directories above a path; one that is something else in
// the worktree, a link above all, is not gone through.
func (c *copier) makeParents(dir string) bool {
	if dir == "." {
		return true
	}
	if !c.makeParents(filepath.Dir(dir)) {
		return false
	}
	_, err := c.makeDir(dir, 0o777)
	return err == nil
}

// makeDir makes a directory, or takes one that is there.
func (c *copier) makeDir(dir string, mode fs.FileMode) (made bool, err error) {
	err = c.to.Mkdir(dir, mode)
	if !errors.Is(err, fs.ErrExist) {
		c.fail(dir, err)
		return err == nil, err
	}
	info, err := c.to.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = errSkipped
	}
	c.fail(dir, err)
	return err == nil && info.Mode().Perm() == unfinishedDir, err
}

// directory copies what is in a directory, in pieces that several workers take.
func (c *copier) directory(dir string, made bool) {
	f := c.folder(dir)
	if f == nil {
		return
	}
	f.made = made
	defer f.done()
	entries, err := f.list()
	if err == nil && c.foreign(f, entries) {
		f.made, err = false, errSkipped
		_ = c.to.Remove(dir)
	}
	c.fail(dir, err)
	if err != nil {
		return
	}
	for len(entries) > 0 {
		piece := entries[:min(chunkSize, len(entries))]
		entries = entries[len(piece):]
		f.left.Add(1)
		c.push(func() {
			defer f.done()
			for _, e := range piece {
				if c.stopped.Load() || c.ctx.Err() != nil {
					return
				}
				f.copy(e.Name(), e.Type())
			}
		})
	}
}

// foreign reports whether a directory is another worktree, or the very one that is
// being filled.
func (c *copier) foreign(f *folder, entries []fs.DirEntry) bool {
	from, err1 := f.from.Stat(".")
	to, err2 := c.to.Stat(".")
	return err1 == nil && err2 == nil && os.SameFile(from, to) ||
		slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isGit(e.Name()) && e.Type().IsRegular() })
}

func isGit(name string) bool { return strings.EqualFold(name, ".git") }

// folder opens a directory on both sides. It is closed by done.
func (c *copier) folder(dir string) *folder {
	f := &folder{copier: c, dir: dir}
	f.left.Store(1)
	var err1, err2 error
	f.from, err1 = c.from.OpenRoot(dir)
	f.to, err2 = c.to.OpenRoot(dir)
	if err := cmp.Or(vanished(err1), err2); err != nil {
		c.fail(dir, err)
		f.close()
		return nil
	}
	return f
}
