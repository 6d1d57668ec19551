package files

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// catalog keeps the summaries of all tasks in step with their files, whoever
// writes those. Where the kernel queues a message of every change before the
// writer's call returns, only what was changed is read again. Elsewhere every
// file is looked at, and read again unless it is the one that was read. It is
// safe for concurrent use.
//
// What is given out is never older than the files at the beginning of the call:
// the queue is emptied first and the files are read then, so a file that changes
// between is read again by the next call.
type catalog struct {
	store *Store
	limit int // more changed files than this are found by looking at all of them

	mu     sync.Mutex
	files  map[int]reading
	tasks  *state.Tasks     // of files
	watch  *notifier        // of dir; nil: all files are looked at
	dir    os.FileInfo      // the directory that was read; nil: none was
	doubts map[int]struct{} // read again whatever the watch says
}

// reading is a task file as it was read.
type reading struct {
	state.TaskFile
	file osfs.Identity
	sure bool // a file of the same identity has the same content
}

func newCatalog(s *Store) *catalog {
	c := &catalog{store: s, limit: 2048}
	c.reset()
	return c
}

// reset forgets everything; the next call reads all files.
func (c *catalog) reset() {
	c.unwatch()
	c.dir = nil
	c.files, c.tasks, c.doubts = map[int]reading{}, &state.Tasks{}, map[int]struct{}{}
}

func (c *catalog) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

// Prime reads what a following [View.Tasks] needs, so that a transaction which
// calls it holds the board's lock only briefly.
func (s *Store) Prime(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.tasks.now(); err != nil {
		return fmt.Errorf("list tasks: %w", err)
	}
	return nil
}

// now brings the catalog up to date.
func (c *catalog) now() (*state.Tasks, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := c.store.abs(state.TasksDir)
	dir, err := c.store.lstat(path)
	if err != nil {
		c.reset()
		if missing(err) {
			return c.tasks, nil
		}
		return nil, err
	}
	if c.dir != nil && !os.SameFile(dir, c.dir) {
		c.reset()
	}
	if changed, ok := c.changed(); ok {
		c.put(c.store.readTasks(slices.Sorted(maps.Keys(changed)), nil))
		return c.tasks, nil
	}
	if c.watch == nil && c.dir != nil { // a process that asks once need not pay for a watch
		c.watch = c.store.watchTasks(path, dir)
	}
	c.dir = dir
	return c.tasks, c.readAll()
}

// changed empties the queue of the watch. ok is false where that does not tell
// which files may have changed.
func (c *catalog) changed() (ids map[int]struct{}, ok bool) {
	if c.watch == nil {
		return nil, false
	}
	ids, ok = maps.Clone(c.doubts), true
	err := c.watch.drain(func(m message) {
		if m.gone {
			c.watch.broken = true
		}
		if id, isTask := state.TaskID(m.name); isTask && len(ids) <= c.limit {
			ids[id] = struct{}{}
		}
		ok = ok && !m.lost && len(ids) <= c.limit
	})
	if err != nil || c.watch.broken {
		c.unwatch()
		ok = false
	}
	return ids, ok
}

// unwatch ends the watch, for which the kernel takes its time.
func (c *catalog) unwatch() {
	if c.watch != nil {
		c.store.spawn(c.watch.close)
	}
	c.watch = nil
}

// readAll looks at every file of the directory and reads those that are not
// known to be the same.
func (c *catalog) readAll() error {
	names, err := c.store.names(c.store.abs(state.TasksDir))
	if err != nil {
		c.reset()
		return err
	}
	ids := make([]int, 0, max(len(names), len(c.files)))
	for _, name := range names {
		if id, ok := state.TaskID(name); ok {
			ids = append(ids, id)
		}
	}
	for id := range c.files {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	c.put(c.store.readTasks(slices.Compact(ids), c.files))
	return nil
}

// put takes over readings, which are by number.
func (c *catalog) put(readings []reading) {
	var changed []state.TaskFile
	for _, r := range readings {
		old := c.files[r.ID]
		delete(c.doubts, r.ID)
		if r.Problem != nil || r.file.Links > 1 {
			c.doubts[r.ID] = struct{}{}
		}
		if r.Task == nil && r.Problem == nil {
			delete(c.files, r.ID)
		} else {
			c.files[r.ID] = r
		}
		if r.Task != old.Task || !samePtr(r.Problem, old.Problem) {
			changed = append(changed, r.TaskFile)
		}
	}
	c.tasks = c.tasks.With(changed)
}

func samePtr[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// readTasks reads the files of the given tasks, on a real file system several at
// a time. Where known has one whose file is surely the same it is not read again.
func (s *Store) readTasks(ids []int, known map[int]reading) []reading {
	const batch = 64
	out := make([]reading, len(ids))
	dir := s.tasksFolder(len(ids))
	work := func(from int) {
		for i, id := range ids[from:min(from+batch, len(ids))] {
			out[from+i] = s.readTask(dir, id, known[id])
		}
	}
	if !s.real() || len(ids) <= batch {
		for from := 0; from < len(ids); from += batch {
			work(from)
		}
		return out
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for from := int(next.Add(batch)) - batch; from < len(ids); from = int(next.Add(batch)) - batch {
				work(from)
			}
		})
	}
	workers.Wait()
	return out
}

// folder is the directory of the tasks, held open.
type folder = osfs.Dir

// tasksFolder is what n task files are read from; nil where they are read by their paths.
func (s *Store) tasksFolder(n int) *folder {
	if n == 0 || !s.real() {
		return nil
	}
	s.disk.check()
	at, _, err := s.disk.dir(s.abs(state.TaskKey(1)))
	if err != nil {
		return nil
	}
	return at.dir
}

func (s *Store) readTask(dir *folder, id int, known reading) reading {
	r := reading{TaskFile: state.TaskFile{ID: id}}
	name := s.abs(state.TaskKey(id))
	if known.sure {
		info, err := s.lookAt(dir, id)
		if missing(err) {
			return r
		}
		if err == nil && known.isOf(info) {
			return known
		}
	}
	c, err := s.contentOf(dir, id)
	switch {
	case err == nil:
		r.file, r.sure = c.file, c.sure
		r.TaskFile = state.ReadTaskFile(id, name, c.data)
	case !missing(err):
		r.file, r.Problem = c.file, &state.Problem{File: name, Error: err.Error()}
	}
	return r
}

func taskName(id int) string { return path.Base(state.TaskKey(id)) }

func (s *Store) lookAt(dir *folder, id int) (os.FileInfo, error) {
	if dir == nil {
		return s.lstat(s.abs(state.TaskKey(id)))
	}
	return dir.Lstat(taskName(id))
}

// isOf reports whether the file is the one that was read.
func (r reading) isOf(info os.FileInfo) bool {
	file, ok := osfs.Identify(info)
	return ok && file == r.file
}

// content is what a file held, and the identity that it had before it was read.
type content struct {
	data []byte
	file osfs.Identity
	sure bool // a file of the same identity has the same content
}

// contentOf reads the file of a task, on any file system where dir is nil.
func (s *Store) contentOf(dir *folder, id int) (c content, err error) {
	began := time.Now()
	if dir != nil {
		c.data, c.file, err = dir.Read(taskName(id), state.MaxTask)
		c.sure = settled(c.file, began)
		return c, err
	}
	name := s.abs(state.TaskKey(id))
	info, err := s.lstat(name)
	if err != nil {
		return c, err
	}
	file, telling := osfs.Identify(info)
	c = content{file: file, sure: telling && settled(file, began)}
	c.data, err = s.readFile(name, state.MaxTask)
	return c, err
}

// settled reports whether a later change of the file will show in its identity:
// file systems note times in steps, and what happens within one step of what was
// read then looks the same.
func settled(file osfs.Identity, now time.Time) bool {
	step := 50 * time.Millisecond
	if file.Modified%int64(time.Second) == 0 {
		step = 3 * time.Second // a file system that notes no more than (two) seconds
	}
	newest := max(file.Modified, file.Changed)
	return newest < now.Add(-step).UnixNano()
}
