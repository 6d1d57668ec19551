package files

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/afero"

	"wt-mcp/state"
)

// crashFS is a file system in memory that knows what a disk may show after a
// crash. The page cache is what processes see; below it, per file, is what was
// there at its last sync, the writes since, and per directory the names at its
// last sync and the changes since.
//
// Directories themselves survive once they are made. Every call that changes
// something is counted; at call number dieAt the process dies: that call happens
// whole, in part or not at all, and nothing after it does.
type crashFS struct {
	afero.Fs // panics where the store uses more than this model has
	files    map[string]*inode
	dirs     map[string]*names
	calls    int
	dieAt    int // 0: never
	how      death
	dead     bool
	failAt   int // this call fails once with failWith instead; 0: never
	failWith error
	trace    func(op, name string)
}

// death is how much of the last call happens.
type death int

const (
	diesBefore death = iota
	diesWithin       // a write is cut short
	diesAfter
)

var errDead = errors.New("the process is dead")

type inode struct {
	data   []byte
	synced []byte
	writes []span
}

type span struct {
	at   int64
	data []byte
}

type names struct {
	synced  map[string]*inode
	changes []change1
}

// change1 is one change of a directory: the name gets the inode, or loses it.
type change1 struct {
	name string
	to   *inode
}

func newCrashFS() *crashFS {
	return &crashFS{files: map[string]*inode{}, dirs: map[string]*names{}}
}

// step counts a change and says how much of it happens.
func (c *crashFS) step(op, name string) (death, error) {
	if c.dead {
		return diesBefore, errDead
	}
	c.calls++
	if c.trace != nil {
		c.trace(op, name)
	}
	if c.calls == c.failAt {
		return diesWithin, c.failWith
	}
	if c.calls == c.dieAt {
		c.dead = true
		return c.how, errDead
	}
	return diesAfter, nil
}

func (c *crashFS) dir(name string) *names {
	d := filepath.Dir(name)
	if c.dirs[d] == nil {
		c.dirs[d] = &names{synced: map[string]*inode{}}
	}
	return c.dirs[d]
}

func (c *crashFS) setName(name string, to *inode) {
	d := c.dir(name)
	d.changes = append(d.changes, change1{name, to})
	if to == nil {
		delete(c.files, name)
		return
	}
	c.files[name] = to
}

func (c *crashFS) Name() string { return "crashFS" }

func (c *crashFS) MkdirAll(name string, _ os.FileMode) error {
	if c.dead {
		return errDead
	}
	for d := name; len(d) > 1; d = filepath.Dir(d) {
		if c.dirs[d] == nil {
			c.dirs[d] = &names{synced: map[string]*inode{}}
		}
	}
	return nil
}

func (c *crashFS) Open(name string) (afero.File, error) { return c.OpenFile(name, os.O_RDONLY, 0) }

func (c *crashFS) OpenFile(name string, flag int, _ os.FileMode) (afero.File, error) {
	if c.dead {
		return nil, errDead
	}
	if c.dirs[name] != nil {
		return &crashFile{fs: c, name: name}, nil
	}
	node := c.files[name]
	switch {
	case node != nil && flag&os.O_EXCL != 0:
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrExist}
	case node == nil && flag&os.O_CREATE == 0, node == nil && c.dirs[filepath.Dir(name)] == nil:
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
	case node == nil:
		how, err := c.step("create", name)
		if err == nil || how == diesAfter {
			node = &inode{}
			c.setName(name, node)
		}
		if err != nil {
			return nil, err
		}
	}
	return &crashFile{fs: c, name: name, node: node, appends: flag&os.O_APPEND != 0}, nil
}

func (c *crashFS) Remove(name string) error {
	if c.files[name] == nil {
		return &os.PathError{Op: "remove", Path: name, Err: os.ErrNotExist}
	}
	how, err := c.step("remove", name)
	if err == nil || how == diesAfter {
		c.setName(name, nil)
	}
	return err
}

func (c *crashFS) Rename(from, to string) error {
	node := c.files[from]
	if node == nil {
		return &os.PathError{Op: "rename", Path: from, Err: os.ErrNotExist}
	}
	how, err := c.step("rename", to)
	if err == nil || how == diesAfter {
		c.setName(to, node)
		c.setName(from, nil)
	}
	return err
}

func (c *crashFS) Link(from, to string) error {
	node := c.files[from]
	switch {
	case node == nil:
		return &os.LinkError{Op: "link", Old: from, New: to, Err: os.ErrNotExist}
	case c.files[to] != nil:
		return &os.LinkError{Op: "link", Old: from, New: to, Err: os.ErrExist}
	}
	how, err := c.step("link", to)
	if err == nil || how == diesAfter {
		c.setName(to, node)
	}
	return err
}

func (c *crashFS) Stat(name string) (os.FileInfo, error) {
	if c.dead {
		return nil, errDead
	}
	if c.dirs[name] != nil {
		return info{name: name, dir: true}, nil
	}
	if node := c.files[name]; node != nil {
		return info{name: name, size: int64(len(node.data))}, nil
	}
	return nil, &os.PathError{Op: "stat", Path: name, Err: os.ErrNotExist}
}

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return filepath.Base(i.name) }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() os.FileMode {
	if i.dir {
		return os.ModeDir | 0o755
	}
	return 0o644
}

type crashFile struct {
	afero.File
	fs      *crashFS
	name    string
	node    *inode
	off     int64
	appends bool
}

func (f *crashFile) Name() string { return f.name }
func (f *crashFile) Close() error { return nil }
func (f *crashFile) Stat() (os.FileInfo, error) {
	if f.node == nil {
		return f.fs.Stat(f.name)
	}
	return info{name: f.name, size: int64(len(f.node.data))}, nil
}

func (f *crashFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	return n, err
}

func (f *crashFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fs.dead {
		return 0, errDead
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *crashFile) Readdirnames(int) ([]string, error) {
	var out []string
	for name := range f.fs.files {
		if filepath.Dir(name) == f.name {
			out = append(out, filepath.Base(name))
		}
	}
	sort.Strings(out)
	return out, nil
}

func (f *crashFile) Write(p []byte) (int, error) {
	at := f.off
	if f.appends {
		at = int64(len(f.node.data))
	}
	n, err := f.WriteAt(p, at)
	f.off = at + int64(n)
	return n, err
}

func (f *crashFile) WriteAt(p []byte, off int64) (int, error) {
	how, err := f.fs.step("write", f.name)
	if err != nil {
		p = p[:map[death]int{diesBefore: 0, diesWithin: len(p) / 2, diesAfter: len(p)}[how]]
	}
	if len(p) > 0 {
		f.node.writes = append(f.node.writes, span{off, bytes.Clone(p)})
		f.node.data = overlay(f.node.data, off, p)
	}
	return len(p), err
}

func overlay(data []byte, off int64, p []byte) []byte {
	out := bytes.Clone(data)
	if need := int(off) + len(p); need > len(out) {
		out = append(out, make([]byte, need-len(out))...)
	}
	copy(out[off:], p)
	return out
}

func (f *crashFile) Sync() error {
	how, err := f.fs.step("sync", f.name)
	if err != nil && how != diesAfter {
		return err
	}
	if f.node != nil {
		f.node.synced, f.node.writes = bytes.Clone(f.node.data), nil
		return err
	}
	d := f.fs.dirs[f.name]
	for _, ch := range d.changes {
		d.apply(ch)
	}
	d.changes = nil
	return err
}

func (d *names) apply(ch change1) {
	if ch.to == nil {
		delete(d.synced, ch.name)
		return
	}
	d.synced[ch.name] = ch.to
}

// killed is what the next process finds after this one was killed: the page cache.
func (c *crashFS) killed() *crashFS {
	next := newCrashFS()
	clones := map[*inode]*inode{}
	clone := func(n *inode) *inode {
		if n == nil {
			return nil
		}
		if clones[n] == nil {
			clones[n] = &inode{data: bytes.Clone(n.data), synced: bytes.Clone(n.synced), writes: append([]span(nil), n.writes...)}
		}
		return clones[n]
	}
	for name, n := range c.files {
		next.files[name] = clone(n)
	}
	for name, d := range c.dirs {
		copied := &names{synced: map[string]*inode{}}
		for entry, n := range d.synced {
			copied.synced[entry] = clone(n)
		}
		for _, ch := range d.changes {
			copied.changes = append(copied.changes, change1{ch.name, clone(ch.to)})
		}
		next.dirs[name] = copied
	}
	return next
}

// powerCuts calls visit with every state that the disk may show after a power
// cut now: how much of the unsynced data of files came through, times which of
// the unsynced changes of directories did.
func (c *crashFS) powerCuts(visit func(*crashFS)) {
	seen := map[string]bool{}
	for _, data := range dataModes() {
		for _, keep := range c.dirModes() {
			next := c.cut(data, keep)
			if key := next.fingerprint(); !seen[key] {
				seen[key] = true
				visit(next)
			}
		}
	}
}

// dataModes are the ways in which unsynced writes of a file may be lost.
func dataModes() []func(n *inode) []byte {
	last := func(n *inode, part func(p []byte) []byte) []byte {
		data := n.synced
		for i, w := range n.writes {
			p := w.data
			if i == len(n.writes)-1 {
				p = part(p)
			}
			data = overlay(data, w.at, p)
		}
		return data
	}
	return []func(n *inode) []byte{
		func(n *inode) []byte { return n.data },
		func(n *inode) []byte { return n.synced },
		func(n *inode) []byte { return last(n, func(p []byte) []byte { return p[:len(p)/2] }) },
		func(n *inode) []byte { return last(n, func(p []byte) []byte { return p[:max(0, len(p)-1)] }) },
		func(n *inode) []byte { return last(n, func(p []byte) []byte { return make([]byte, len(p)) }) },
		func(n *inode) []byte { // the size came through, the last half of the data did not
			return last(n, func(p []byte) []byte {
				return append(bytes.Clone(p[:len(p)/2]), make([]byte, len(p)-len(p)/2)...)
			})
		},
		func(n *inode) []byte { // the last write came through, those before it did not
			data := n.synced
			for i, w := range n.writes {
				if i == len(n.writes)-1 {
					data = overlay(data, w.at, w.data)
				}
			}
			return data
		},
	}
}

// dirModes are the choices among the unsynced changes of directories, in the
// order in which they were made: all, every prefix, each one lost, each one alone.
func (c *crashFS) dirModes() []func(i int) bool {
	total := 0
	for _, d := range c.dirs {
		total = max(total, len(d.changes))
	}
	modes := []func(int) bool{func(int) bool { return true }}
	for k := range total {
		modes = append(modes,
			func(i int) bool { return i < k },
			func(i int) bool { return i != k },
			func(i int) bool { return i == k })
	}
	return modes
}

func (c *crashFS) cut(data func(*inode) []byte, keep func(i int) bool) *crashFS {
	next := newCrashFS()
	for name, d := range c.dirs {
		disk := &names{synced: map[string]*inode{}}
		for entry, n := range d.synced {
			disk.synced[entry] = n
		}
		for i, ch := range d.changes {
			if keep(i) {
				disk.apply(ch)
			}
		}
		next.dirs[name] = &names{synced: map[string]*inode{}}
		for entry, n := range disk.synced {
			content := bytes.Clone(data(n))
			fresh := &inode{data: content, synced: bytes.Clone(content)}
			next.files[entry], next.dirs[name].synced[entry] = fresh, fresh
		}
	}
	return next
}

func (c *crashFS) fingerprint() string {
	var list []string
	for name := range c.files {
		list = append(list, name)
	}
	sort.Strings(list)
	var b strings.Builder
	for _, name := range list {
		b.WriteString(name + "\x00" + state.Hash(c.files[name].data, true) + "\x00")
	}
	return b.String()
}
