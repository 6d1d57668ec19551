package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/afero"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// Names in the private directory.
const (
	lockName    = "lock"
	markerName  = "marker"
	journalName = "journal"
	asideName   = "set-aside"
)

// Limits on what is read: larger files are not ours.
const (
	maxLine    = 4 << 20   // of the event log
	maxTail    = 32 << 20  // how far back the event log is read
	maxRewrite = 256 << 20 // an event log that can be mended
)

// Config says where a board lives and what it stands on. Root and Private are
// required; the zero value of the rest is the default.
type Config struct {
	Root    string // holds .tasks and .worktrees
	Private string // lock, marker, journal, intents; on the same machine's disk

	FS      afero.Fs            // default: the system's, from which nothing leads elsewhere
	Sharing func() osfs.Sharing // default: the umask decides, and what is private is the user's alone
	// Brought lists what of the board came with the repository from elsewhere; it is
	// asked while no store has written the board. Default: nothing.
	Brought func(context.Context) ([]string, error)

	Locker      Locker               // default: flock on Private/lock
	Now         func() time.Time     // default: time.Now
	Boot        string               // default: this boot of the machine
	Uptime      func() time.Duration // default: the time since then, its sleep included
	NoSync      bool                 // true gives up invariant 1 against power loss
	LockTimeout time.Duration        // default: 10 s
	Holder      string               // what a waiter is told; default: "pid N"
}

// Store is one board. It is safe for concurrent use by goroutines, and any
// number of stores in any number of processes of one machine may be open on the
// same directories. It is not safe across machines.
type Store struct {
	fs          afero.Fs
	disk        *disk
	brought     func(context.Context) ([]string, error)
	born        atomic.Bool // a store has written the board
	root, priv  string
	locker      Locker
	now         func() time.Time
	boot        string
	uptime      func() time.Duration
	sync        func(afero.File) error
	lockTimeout time.Duration
	holder      string
	capacity    int64        // of the journal, in bytes
	logLimit    int64        // an event log of more bytes is put aside
	spawn       func(func()) // starts background work

	// Owned by whoever has the board's lock.
	journal journal
	open    map[string]opened // files that are used again and again
	broken  error             // set when a flush failed: this store writes no more

	tasks   *catalog
	noWatch bool // look at every file instead of waiting to be told of changes

	checkpoints sync.WaitGroup
	checkpoint  sync.Mutex // held while a background checkpoint goes on
}

// Open returns the board. It changes nothing on disk: directories come with the
// first change, and what a dead process left unfinished is finished by the next one.
func Open(c Config) *Store {
	s := &Store{fs: c.FS, disk: newDisk(c.Root, c.Private, c.Sharing), brought: c.Brought, root: c.Root, priv: c.Private, locker: c.Locker, now: c.Now, boot: c.Boot, uptime: c.Uptime,
		sync: syncData, lockTimeout: c.LockTimeout, holder: c.Holder, capacity: journalCapacity, logLimit: logCapacity, spawn: func(f func()) { go f() }}
	s.open = map[string]opened{}
	s.tasks = newCatalog(s)
	if s.fs == nil {
		s.fs = s.disk
	}
	if s.locker == nil {
		s.locker = newFileLock(s.disk, s.private(lockName))
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.boot == "" {
		s.boot = osfs.BootID()
	}
	if s.uptime == nil {
		s.uptime = osfs.Uptime
	}
	if c.NoSync {
		s.sync = func(afero.File) error { return nil }
	}
	if s.lockTimeout == 0 {
		s.lockTimeout = 10 * time.Second
	}
	if s.holder == "" {
		s.holder = fmt.Sprintf("pid %d", os.Getpid())
	}
	return s
}

// Root is the directory that holds .tasks and .worktrees.
func (s *Store) Root() string { return s.root }

// Now is the board's clock, in the form that the files have it.
func (s *Store) Now() float64 { return state.Seconds(s.now()) }

// Close waits for background work and closes files. The board needs no closing
// to be whole; no call may be going on.
func (s *Store) Close() {
	s.checkpoints.Wait()
	s.tasks.close()
	for name := range s.open {
		s.forget(name)
	}
	s.disk.close()
}

// opened is a file that stays open between transactions.
type opened struct {
	file afero.File
	info os.FileInfo
}

// reopen returns the file of that name for writing, the one that is open already
// if it still is the one of that name. The caller has the board's lock.
func (s *Store) reopen(name string, flag int) (afero.File, error) {
	if o, ok := s.open[name]; ok {
		if now, err := s.lstat(name); err == nil && os.SameFile(now, o.info) {
			return o.file, nil
		}
		s.forget(name)
	}
	f, err := s.fs.OpenFile(name, os.O_RDWR|flag, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.open[name] = opened{f, info}
	return f, nil
}

func (s *Store) forget(name string) {
	if o, ok := s.open[name]; ok {
		_ = o.file.Close()
		delete(s.open, name)
	}
}

func (s *Store) private(names ...string) string {
	return filepath.Join(append([]string{s.priv}, names...)...)
}

// abs maps a path of the journal to the file system.
func (s *Store) abs(path string) string {
	if rest, ok := strings.CutPrefix(path, state.PrivateDir+"/"); ok {
		return s.private(filepath.FromSlash(rest))
	}
	return filepath.Join(s.root, filepath.FromSlash(path))
}

// guard refuses board directories that lead elsewhere: a repository from a
// stranger may track .tasks as a symbolic link.
func (s *Store) guard() error {
	for _, dir := range []string{state.TasksDir, state.WorktreesDir} {
		info, err := s.lstat(s.abs(dir))
		if err == nil && !info.IsDir() {
			return state.Errorf(state.Corrupt, "move it away; the board makes the directory itself",
				"%s is no directory but something else (%s)", s.abs(dir), osfs.Kind(info.Mode())).With("file", s.abs(dir))
		}
	}
	return nil
}

// readMarker reads the marker; ok is false where it is missing, torn or of another boot.
func (s *Store) readMarker() (m marker, raw string, ok bool) {
	f, err := s.openFile(s.private(markerName))
	if err != nil {
		return marker{}, "", false
	}
	defer f.Close()
	return s.parseMarkerIn(f)
}

func (s *Store) parseMarkerIn(f afero.File) (m marker, raw string, ok bool) {
	buf := make([]byte, markerSize)
	n, _ := f.ReadAt(buf, 0)
	m, ok = parseMarker(buf[:n])
	return m, string(buf[:n]), ok && m.Boot == s.boot && s.boot != ""
}

func (s *Store) writeMarker(m marker) error {
	m.Boot = s.boot
	f, err := s.reopen(s.private(markerName), os.O_CREATE)
	if err != nil {
		return fmt.Errorf("open marker: %w", err)
	}
	_, err = f.WriteAt(m.encode(), 0)
	return err
}

// Update runs fn on the board under its lock, and makes what fn changed durable
// and visible to every process, all of it or nothing. When it returns nil the
// change survives any crash. fn sees the board as it is at that instant; it must
// be quick, without git, commands or network. When fn fails nothing is changed.
func (s *Store) Update(ctx context.Context, fn func(*state.Tx) error) error {
	if err := s.admit(ctx); err != nil {
		return err
	}
	var m marker
	err := againIfTorn(func() (err error) {
		m, err = s.update(ctx, fn)
		return err
	})
	if err == nil && m.Clean && m.End > s.capacity*3/4 {
		s.startCheckpoint()
	}
	return err
}

// againIfTorn repeats f a few times while it finds a file that does not parse: the
// original program rewrites files in place, so one may just be half written.
func againIfTorn(f func() error) error {
	err := f()
	for i := 0; i < 3 && state.CodeOf(err) == state.Corrupt; i++ {
		time.Sleep(15 * time.Millisecond)
		err = f()
	}
	return err
}

func (s *Store) update(ctx context.Context, fn func(*state.Tx) error) (m marker, err error) {
	unlock, err := s.lockBoard(ctx)
	if err != nil {
		return m, err
	}
	defer unlock()
	if err := errors.Join(s.broken, s.guard()); err != nil {
		return m, err
	}
	if m, err = s.settle(); err != nil {
		return m, err
	}
	return s.decide(m, fn)
}

// decide commits what fn changes on the settled board.
func (s *Store) decide(m marker, fn func(*state.Tx) error) (marker, error) {
	b, err := state.Decide(&instant{store: s, seq: &m.Seq}, state.Start{Seq: m.Seq, NextID: m.NextID, Holder: s.holder, SetAside: s.setAside}, fn)
	if err != nil || b.IsEmpty() {
		return m, err
	}
	return s.commit(m, b)
}

// Settle finishes what a process that died in the middle of a change left to do.
// It changes nothing where there is nothing of that kind.
func (s *Store) Settle(ctx context.Context) error {
	if m, _, ok := s.readMarker(); ok && m.Clean || s.unborn() {
		return nil
	}
	return s.Update(ctx, func(*state.Tx) error { return nil })
}

// settle makes sure that the files are where the journal is, and says where that is.
func (s *Store) settle() (marker, error) {
	m, ok := s.holdersMarker()
	if ok && m.Clean && m.End < s.capacity && s.openJournal() == nil {
		return m, nil
	}
	return s.recover(m, ok)
}

// holdersMarker is readMarker for the holder of the lock.
func (s *Store) holdersMarker() (marker, bool) {
	f, err := s.reopen(s.private(markerName), 0)
	if err != nil {
		return marker{}, false
	}
	m, _, ok := s.parseMarkerIn(f)
	return m, ok
}

// commit writes the transaction. Staging comes first, so that a full disk is
// noticed while there is nothing to take back; the journal's flush is the
// commit; the files follow. Files that cannot follow then are left to the next
// holder of the lock, and readers get them from the journal.
func (s *Store) commit(m marker, b state.Batch) (marker, error) {
	dirty := m
	dirty.Clean, dirty.Applied, dirty.Holder, dirty.Since = false, m.End, s.holder, s.Now()
	if err := s.writeMarker(dirty); err != nil {
		return m, s.unwritable(err)
	}
	staged, err := s.stage(b.Writes)
	if err != nil {
		s.unstage(staged)
		return m, errors.Join(s.unwritable(err), s.writeMarker(m))
	}
	end, flushed, err := s.journal.append(m.Gen, m.End, b)
	if err != nil {
		s.unstage(staged)
		if flushed {
			return m, errors.Join(s.unwritable(err), s.writeMarker(m))
		}
		s.broken = state.Errorf(state.Internal, "check the disk, then restart the server and read the board before you repeat the call",
			"the disk did not confirm the last change, so its outcome is unknown, and this server changes nothing more: %v", err)
		return m, s.broken
	}
	m.End, m.Seq, m.NextID = end, b.Seq, b.NextID
	if err := s.apply(b); err != nil {
		dirty.End, dirty.Seq, dirty.NextID, dirty.Pending = end, b.Seq, b.NextID, err.Error()
		_ = s.writeMarker(dirty)
		return dirty, nil
	}
	m.Clean, m.Applied, m.Holder, m.Since = true, end, "", 0
	_ = s.writeMarker(m)
	return m, nil
}

// unreadable turns the failure to read what the board keeps for itself into what a
// client can act on.
func (s *Store) unreadable(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	return &state.Error{Code: state.ReadOnly, Message: "the board cannot be read", Err: err,
		Hint: "only who may use " + s.priv + " has the board; git's core.sharedRepository shares it"}
}

// unwritable turns the failure to write into what a client can act on.
func (s *Store) unwritable(err error) error {
	err = refused(err)
	var e *state.Error
	switch {
	case errors.As(err, &e):
		return err
	case osfs.NoSpace(err):
		return &state.Error{Code: state.Internal, Message: "the disk is full; nothing was changed", Err: err,
			Hint: "make room, then repeat the call"}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &state.Error{Code: state.Internal, Message: "write the board; nothing was changed", Err: err,
			Hint: "raise the limit of open files (ulimit -n) where the server is started"}
	case errors.Is(err, os.ErrPermission) || osfs.ReadOnlyFS(err):
		return &state.Error{Code: state.ReadOnly, Message: "the board cannot be written; nothing was changed", Err: err,
			Hint: "check the permissions of " + s.root + " and " + s.priv}
	}
	return &state.Error{Code: state.Internal, Message: "write the board; nothing was changed", Err: err}
}
