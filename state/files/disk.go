package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// disk is the system's own file system as a board uses it: everything below the
// board's root and its private directory is reached from directories that are held
// open, and nothing is followed. OpenFile opens regular files, Open directories.
// What is private belongs to the user alone; where the repository is shared,
// everything is as its git wants that.
//
// A directory that was replaced is noticed by each call that goes through it; the
// root and the parent of the private directory are looked at by check.
type disk struct {
	root, priv string // absolute
	sharing    func() osfs.Sharing

	mu      sync.Mutex
	held    map[string]*held // by path
	checked time.Time        // when check was last called
}

// checkedFor is for how long a directory that was looked at since the last check
// stands: a call of the board looks once.
const checkedFor = 20 * time.Millisecond

// held is a directory that is held open.
type held struct {
	dir   *osfs.Dir
	info  fs.FileInfo
	above *held // where it is by the name of base; nil for what is trusted
	base  string
	seen  time.Time // when it was last there
	tight sync.Once // gives it the mode that it is to have
}

func newDisk(root, private string, sharing func() osfs.Sharing) *disk {
	if sharing == nil {
		sharing = func() osfs.Sharing { return osfs.Sharing{} }
	}
	return &disk{root: filepath.Clean(root), priv: filepath.Clean(private), sharing: sharing, held: map[string]*held{}}
}

func (d *disk) Name() string { return "disk" }

// close gives up the directories that are held.
func (d *disk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, h := range d.held {
		_ = h.dir.Close()
		delete(d.held, path)
	}
}

// top is the trusted directory above a path of the board, and the way from there.
func (d *disk) top(name string) (top string, way []string, err error) {
	top = d.root
	if within(name, filepath.Dir(d.priv)) {
		top = filepath.Dir(d.priv)
	}
	rel, err := filepath.Rel(top, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", nil, &osfs.Refused{Path: name, Why: "is no file of the board"}
	}
	return top, strings.Split(rel, string(filepath.Separator)), nil
}

func (d *disk) private(name string) bool { return within(name, d.priv) }

func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+string(filepath.Separator))
}

// dir holds the directory that has the last component of a name, the one that is
// held if it is still there.
func (d *disk) dir(name string) (*held, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slash := strings.LastIndexByte(name, filepath.Separator)
	if h := d.held[name[:max(slash, 0)]]; h != nil && d.there(h) {
		return h, name[slash+1:], nil
	}
	top, way, err := d.top(name)
	if err != nil {
		return nil, "", err
	}
	at, path := d.held[top], top
	if at == nil {
		if at, err = d.hold(top, func() (*osfs.Dir, error) { return osfs.Open(top) }); err != nil {
			return nil, "", err
		}
	}
	for _, part := range way[:len(way)-1] {
		path = filepath.Join(path, part)
		above, next := at, d.held[path]
		if next == nil || !d.there(next) {
			if next, err = d.hold(path, func() (*osfs.Dir, error) { return above.dir.Sub(part) }); err != nil {
				return nil, "", err
			}
			next.above, next.base, next.seen = above, part, time.Now()
		}
		at = next
	}
	return at, way[len(way)-1], nil
}

// there reports whether a directory that is held is still the one of its name.
func (d *disk) there(h *held) bool {
	if h.above == nil || !h.seen.Before(d.checked) && time.Since(h.seen) < checkedFor {
		return true
	}
	if !d.there(h.above) {
		return false
	}
	now, err := h.above.dir.Lstat(h.base)
	if err != nil || !os.SameFile(now, h.info) {
		return false
	}
	h.seen = time.Now()
	return true
}

// hold opens a directory. One that was held before is left to whoever is using it.
func (d *disk) hold(path string, open func() (*osfs.Dir, error)) (*held, error) {
	delete(d.held, path)
	dir, err := open()
	if err != nil {
		return nil, err
	}
	info, err := dir.Stat()
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	h := &held{dir: dir, info: info}
	d.held[path] = h
	return h, nil
}

// check begins a call: what is held is looked at anew. It forgets what is held where the root, or the parent of the private
// directory, is not the directory any more that its path leads to.
func (d *disk) check() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked = time.Now()
	for _, top := range []string{d.root, filepath.Dir(d.priv)} {
		h := d.held[top]
		if h == nil {
			continue
		}
		if now, err := os.Stat(top); err != nil || !os.SameFile(now, h.info) {
			clear(d.held)
			return
		}
	}
}

func (d *disk) OpenFile(name string, flag int, perm fs.FileMode) (afero.File, error) {
	f, err := d.open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *disk) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	at, base, err := d.dir(name)
	if err != nil {
		return nil, refused(err)
	}
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	if writes && d.private(name) {
		perm &= 0o700
		at.tighten(d.sharing())
	}
	f, err := at.dir.OpenFile(base, flag, perm)
	if err == nil && writes {
		d.adjust(f, d.private(name))
	}
	if err != nil {
		return nil, refused(err)
	}
	return f, nil
}

// tighten gives a private directory that an earlier version made its mode.
func (h *held) tighten(sharing osfs.Sharing) {
	h.tight.Do(func() {
		if f, err := h.dir.List(); err == nil {
			_ = sharing.AdjustPrivate(f)
			f.Close()
		}
	})
}

// adjust does what the file system can: some have no modes.
func (d *disk) adjust(f *os.File, private bool) {
	if private {
		_ = d.sharing().AdjustPrivate(f)
	} else {
		_ = d.sharing().Adjust(f)
	}
}

// Open opens a directory, to list or to flush it.
func (d *disk) Open(name string) (afero.File, error) {
	at, _, err := d.dir(filepath.Join(name, "any"))
	if err != nil {
		return nil, refused(err)
	}
	f, err := at.dir.List()
	if err != nil {
		return nil, err
	}
	return f, nil
}

// LstatIfPossible follows nothing.
func (d *disk) LstatIfPossible(name string) (fs.FileInfo, bool, error) {
	at, base, err := d.dir(name)
	if err != nil {
		return nil, true, refused(err)
	}
	info, err := at.dir.Lstat(base)
	return info, true, err
}

func (d *disk) Stat(name string) (fs.FileInfo, error) {
	info, _, err := d.LstatIfPossible(name)
	return info, err
}

// MkdirAll makes a directory of the board; the root is there already.
func (d *disk) MkdirAll(name string, perm fs.FileMode) error {
	top, way, err := d.top(name)
	if err != nil {
		return refused(err)
	}
	if _, err := os.Stat(d.root); err != nil {
		return err
	}
	if err := os.MkdirAll(top, 0o755); err != nil || len(way) == 1 && way[0] == "." {
		return err
	}
	if d.private(name) {
		perm &= 0o700
	}
	at, _, err := d.dir(filepath.Join(top, "any"))
	if err != nil {
		return refused(err)
	}
	return refused(at.dir.MkdirAll(strings.Join(way, "/"), perm, d.sharing()))
}

func (d *disk) Mkdir(name string, perm fs.FileMode) error { return d.MkdirAll(name, perm) }

func (d *disk) Remove(name string) error {
	at, base, err := d.dir(name)
	if err == nil {
		err = at.dir.Remove(base)
	}
	return refused(err)
}

func (d *disk) Rename(from, to string) error { return d.both(from, to, (*osfs.Dir).MoveTo) }

// Link gives a file a second name.
func (d *disk) Link(from, to string) error { return d.both(from, to, (*osfs.Dir).LinkTo) }

func (d *disk) both(from, to string, do func(*osfs.Dir, string, *osfs.Dir, string) error) error {
	old, a, err := d.dir(from)
	if err != nil {
		return refused(err)
	}
	next, b, err := d.dir(to)
	if err == nil {
		err = do(old.dir, a, next.dir, b)
	}
	return refused(err)
}

// refused says of what lies in the way what can be done about it.
func refused(err error) error {
	var r *osfs.Refused
	if !errors.As(err, &r) {
		return err
	}
	return state.Errorf(state.Corrupt, "look at it, then move it away; the board makes its own files and directories. A file with several names gets one of its own by cp and mv",
		"%s; nothing was read from it or written to it", state.Visible(r.Error())).With("file", r.Path)
}

// The rest of afero's interface is not for a board.
func (d *disk) Create(name string) (afero.File, error) {
	return d.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}
func (d *disk) RemoveAll(string) error                     { return errors.ErrUnsupported }
func (d *disk) Chmod(string, fs.FileMode) error            { return errors.ErrUnsupported }
func (d *disk) Chown(string, int, int) error               { return errors.ErrUnsupported }
func (d *disk) Chtimes(string, time.Time, time.Time) error { return errors.ErrUnsupported }
