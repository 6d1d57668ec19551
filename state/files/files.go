package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/afero"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// stage writes the new content of each file beside it, under a name of its own;
// only holders of the board's lock use these names, and leftovers are overwritten.
func (s *Store) stage(writes []state.Write) (staged []string, err error) {
	for _, w := range writes {
		if w.After == nil {
			continue
		}
		tmp := tempName(s.abs(w.Path))
		staged = append(staged, tmp)
		if err := s.writeNew(tmp, []byte(*w.After)); err != nil {
			return staged, fmt.Errorf("write %s: %w", w.Path, err)
		}
	}
	return staged, nil
}

func (s *Store) unstage(staged []string) {
	for _, tmp := range staged {
		_ = s.fs.Remove(tmp)
	}
}

func tempName(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".tmp")
}

// writeNew creates a file that did not exist, with its directory if need be.
// O_EXCL keeps it from following a link that someone put there.
func (s *Store) writeNew(name string, data []byte) error {
	f, err := s.create(name)
	if missing(err) {
		if err = s.makeDir(filepath.Dir(name)); err == nil {
			f, err = s.create(name)
		}
	}
	if errors.Is(err, os.ErrExist) {
		if err = s.fs.Remove(name); err == nil {
			f, err = s.create(name)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (s *Store) create(name string) (afero.File, error) {
	return s.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (s *Store) makeDir(dir string) error {
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return s.syncDir(filepath.Dir(dir))
}

// apply puts the staged files in place and appends the events.
func (s *Store) apply(r state.Batch) error {
	for _, w := range r.Writes {
		if err := s.place(w); err != nil {
			return err
		}
	}
	return s.appendEvents(r.Events)
}

// place is the only function that replaces or removes a file of the board.
func (s *Store) place(w state.Write) error {
	name := s.abs(w.Path)
	if w.After == nil {
		if err := s.fs.Remove(name); err != nil && !missing(err) {
			return fmt.Errorf("remove %s: %w", w.Path, err)
		}
		return nil
	}
	s.forget(name)
	if err := s.fs.Rename(tempName(name), name); err != nil {
		return fmt.Errorf("replace %s: %w", w.Path, err)
	}
	return nil
}

// syncFile flushes a file if it is still there.
func (s *Store) syncFile(name string) error {
	f, err := s.openFile(name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.sync(f), f.Close())
}

func syncData(f afero.File) error { return osfs.SyncData(f) }

// syncDir makes the names in a directory durable.
func (s *Store) syncDir(name string) error {
	f, err := s.fs.Open(name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.syncNames(f)
	return errors.Join(err, f.Close())
}

func (s *Store) syncNames(dir afero.File) error {
	err := s.sync(dir)
	if errors.Is(err, os.ErrInvalid) || osfs.CannotSyncDir(err) {
		return nil
	}
	return err
}

// setAside keeps bytes that cannot stay where they are, and says where they went.
func (s *Store) setAside(base string, data []byte) (string, error) {
	name := s.private(asideName, fmt.Sprintf("%d-%s", s.now().UnixNano(), base))
	if err := s.writeNew(name, data); err != nil {
		return "", fmt.Errorf("set aside %s: %w", base, err)
	}
	return name, errors.Join(s.syncFile(name), s.syncDir(filepath.Dir(name)))
}

// readFile reads a regular file of at most limit bytes. A file that is missing
// answers an error that missing reports.
func (s *Store) readFile(name string, limit int64) ([]byte, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return osfs.ReadUpTo(f, limit)
}

// real reports whether the board is on the system's own file system, which
// several goroutines may use at once.
func (s *Store) real() bool {
	return s.fs == afero.Fs(s.disk)
}

// openFile opens a regular file for reading.
func (s *Store) openFile(name string) (afero.File, error) { return s.fs.OpenFile(name, os.O_RDONLY, 0) }

func (s *Store) lstat(name string) (os.FileInfo, error) {
	if l, ok := s.fs.(afero.Lstater); ok {
		info, _, err := l.LstatIfPossible(name)
		return info, err
	}
	return s.fs.Stat(name)
}
