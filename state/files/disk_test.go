package files

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/afero"
	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// failing is a real file system on which the n-th change fails.
type failing struct {
	afero.Fs
	calls, failAt int
	cause         error
}

func (f *failing) step() error {
	if f.calls++; f.calls == f.failAt {
		return f.cause
	}
	return nil
}

func (f *failing) OpenFile(name string, flag int, mode os.FileMode) (afero.File, error) {
	if flag&os.O_CREATE != 0 {
		if err := f.step(); err != nil {
			return nil, err
		}
	}
	file, err := f.Fs.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	return &failingFile{file, f}, nil
}

func (f *failing) Open(name string) (afero.File, error) {
	file, err := f.Fs.Open(name)
	if err != nil {
		return nil, err
	}
	return &failingFile{file, f}, nil
}

func (f *failing) Rename(from, to string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.Fs.Rename(from, to)
}

func (f *failing) Remove(name string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.Fs.Remove(name)
}

func (f *failing) MkdirAll(name string, mode os.FileMode) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.Fs.MkdirAll(name, mode)
}

type failingFile struct {
	afero.File
	fs *failing
}

// short writes half of what a failing call was given, as a full disk does.
func (f *failingFile) short(p []byte, write func([]byte) (int, error)) (int, error) {
	if err := f.fs.step(); err != nil {
		n, _ := write(p[:len(p)/2])
		return n, err
	}
	return write(p)
}

func (f *failingFile) Write(p []byte) (int, error) { return f.short(p, f.File.Write) }

func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	return f.short(p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
}

func (f *failingFile) Sync() error {
	if err := f.fs.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestInvariant2FailedCallOnDisk is TestInvariant2FailedCall on a real disk.
func TestInvariant2FailedCallOnDisk(t *testing.T) {
	oneGoroutine(t)
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := 1; ; at++ {
			root := t.TempDir()
			private := filepath.Join(root, ".git", "wt-mcp")
			fs := &failing{Fs: newDisk(root, private, nil), failAt: at, cause: cause}
			reopen := func() *Store {
				s := Open(Config{FS: fs, Root: root, Private: private, Boot: "boot"})
				s.spawn = func(f func()) { f() }
				return s
			}
			s := reopen()
			for _, a := range crashScript() {
				err := a.do(s)
				if s.broken != nil {
					s = reopen()
					continue
				}
				if err != nil {
					require.NoError(t, a.do(s), "again after %v at call %d in %s", cause, at, a.name)
				}
			}
			reached := fs.calls >= at
			fs.failAt = 0
			checkDisk(t, root, reopen())
			if !reached {
				break
			}
		}
	}
}

// checkDisk looks at the files from outside, and then through a new store.
func checkDisk(t *testing.T, root string, s *Store) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), func(tx *state.Tx) error { tx.Emit(state.Event{Event: "end"}); return nil }))
	disk := newCrashFS()
	for _, dir := range []string{state.TasksDir, state.WorktreesDir} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		require.NoError(t, err)
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(root, dir, e.Name()))
			require.NoError(t, err)
			if !strings.HasSuffix(e.Name(), ".tmp") {
				disk.files[filepath.Join(dir, e.Name())] = &inode{data: data}
			}
		}
	}
	require.NoError(t, soundFiles(disk))
	require.JSONEq(t, must(t, s), must(t, openBoard(root)))
}
