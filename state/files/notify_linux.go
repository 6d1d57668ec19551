package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wt-mcp/state"
)

// What is asked of the kernel: everything that can change a name or a content.
const (
	anyChange = unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	newName  = unix.IN_CREATE | unix.IN_MOVED_TO
	dirsOnly = unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
)

// notifier is a queue in which the kernel puts a message of each change in the
// directories that were added, before the call that made the change returns.
// Changes through a mapping of a file, or through a second name of it in another
// directory, are not told. It is used by one goroutine at a time.
type notifier struct {
	file   *os.File
	raw    syscall.RawConn
	buf    []byte
	broken bool // a directory is not watched any more
}

// message is one change.
type message struct {
	dir  int    // as add returned it
	name string // in the directory; "": the directory itself
	lost bool   // the queue was full: there were changes that are not told
	gone bool   // the directory was moved or removed
}

func newNotifier() (*notifier, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "inotify")
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &notifier{file: f, raw: raw, buf: make([]byte, 16<<10)}, nil
}

// add begins to watch a directory for the kinds of changes in mask. Adding one
// that is watched changes nothing.
func (n *notifier) add(dir string, mask uint32) (wd int, err error) {
	failed := n.raw.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), dir, mask|dirsOnly) })
	return wd, errors.Join(failed, err)
}

// drain hands over what is in the queue and does not wait.
func (n *notifier) drain(visit func(message)) error {
	for {
		var size int
		var err error
		failed := n.raw.Read(func(fd uintptr) bool {
			size, err = unix.Read(int(fd), n.buf)
			return true
		})
		switch {
		case failed != nil:
			return failed
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		}
		visitMessages(n.buf[:size], visit)
	}
}

// visitMessages takes apart what inotify(7) describes.
func visitMessages(data []byte, visit func(message)) {
	for len(data) >= unix.SizeofInotifyEvent {
		wd, mask := int(int32(binary.NativeEndian.Uint32(data))), binary.NativeEndian.Uint32(data[4:])
		end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(data[12:])), len(data))
		name, _, _ := bytes.Cut(data[unix.SizeofInotifyEvent:end], []byte{0})
		visit(message{dir: wd, name: string(name), lost: mask&unix.IN_Q_OVERFLOW != 0,
			gone: mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0})
		data = data[end:]
	}
}

func (n *notifier) close() { _ = n.file.Close() }

// tellsChanges reports whether dir is on a file system of this kernel's own, on
// which nothing changes a file but calls to this kernel. The numbers are those of statfs(2).
func tellsChanges(dir string) bool {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, 0x2fc12fc1 /* zfs */, 0xca451a4e /* bcachefs */ :
		return true
	}
	return false
}

// watchTasks watches the directory of the tasks, which was dir a moment ago; nil
// where changes are not told reliably.
func (s *Store) watchTasks(path string, dir os.FileInfo) *notifier {
	if s.noWatch || !s.real() || !tellsChanges(path) {
		return nil
	}
	n, err := newNotifier()
	if err != nil {
		return nil
	}
	_, err = n.add(path, anyChange)
	if now, lost := s.lstat(path); err != nil || lost != nil || !os.SameFile(now, dir) {
		n.close()
		return nil
	}
	return n
}

// logNotifier waits for changes of the event log. The root is watched as well,
// for the directory that the log is in.
type logNotifier struct {
	*notifier
	store    *Store
	root     int
	worktree int // watch of the directory of the log; -1: there is none
}

// notifyLog watches the event log; nil where changes are not told reliably.
func (s *Store) notifyLog() *logNotifier {
	if s.noWatch || !s.real() || !tellsChanges(s.root) {
		return nil
	}
	n, err := newNotifier()
	if err != nil {
		return nil
	}
	l := &logNotifier{notifier: n, store: s}
	if l.root, err = n.add(s.root, newName); err != nil || !l.arm() {
		n.close()
		return nil
	}
	return l
}

// arm watches the directory of the log as it is now, unless it is not there.
func (l *logNotifier) arm() bool {
	dir := l.store.abs(state.WorktreesDir)
	wd, err := l.add(dir, anyChange)
	if l.worktree = wd; err != nil {
		l.worktree = -1
		return missing(err)
	}
	return tellsChanges(dir)
}

// wait returns nil when there may be news or ctx is over; the error says that
// changes are not told.
func (l *logNotifier) wait(ctx context.Context) error {
	if !l.arm() {
		return errNotTold
	}
	if err := l.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for news := false; !news; {
		size, err := l.file.Read(l.buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		visitMessages(l.buf[:size], func(m message) { news = news || l.matters(m) })
	}
	return nil
}

func (l *logNotifier) matters(m message) bool {
	switch {
	case m.lost || m.gone:
		return true
	case m.dir == l.root:
		return m.name == state.WorktreesDir
	}
	return m.name == path.Base(state.EventsFile)
}

var errNotTold = errors.New("changes are not told")
