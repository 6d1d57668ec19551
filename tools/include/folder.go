package include

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"wt-mcp/state/osfs"
)

// The modes of what is not complete.
const (
	unfinishedFile fs.FileMode = 0o200
	unfinishedDir  fs.FileMode = 0o700
)

// small is the size of files that are read at once.
const small = 64 << 10

// folder is a directory that is being copied.
type folder struct {
	*copier
	dir      string // from the top
	from, to *os.Root
	made     bool         // by a copy: mode and times are still to be set
	left     atomic.Int32 // steps that use it
}

func (f *folder) close() {
	for _, root := range []*os.Root{f.from, f.to} {
		if root != nil {
			root.Close()
		}
	}
}

// done ends the use of one step; the last one gives the directory its mode and
// times.
func (f *folder) done() {
	if f.left.Add(-1) > 0 {
		return
	}
	defer f.close()
	if !f.made {
		return
	}
	info, err := f.from.Stat(".")
	if err == nil {
		err = f.to.Chtimes(".", info.ModTime(), info.ModTime())
	}
	if err == nil {
		err = f.to.Chmod(".", info.Mode().Perm())
	}
	f.fail(f.dir, err)
}

func (f *folder) list() ([]fs.DirEntry, error) {
	dir, err := f.from.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

// copy copies one entry; a directory in another step.
func (f *folder) copy(name string, kind fs.FileMode) {
	path := filepath.Join(f.dir, name)
	err := errSkipped
	switch {
	case isGit(name):
	case kind.IsDir():
		if made, err := f.makeDir(path, unfinishedDir); err == nil { // while the directory above may be written
			f.push(func() { f.directory(path, made) })
		}
		return
	case kind&fs.ModeSymlink != 0:
		err = f.link(name)
	case kind.IsRegular():
		err = f.file(name)
	}
	if errors.Is(err, fs.ErrExist) {
		err = errSkipped
	}
	if err == nil {
		f.files.Add(1)
	}
	f.fail(path, err)
}

func (f *folder) link(name string) error {
	target, err := f.from.Readlink(name)
	if err != nil {
		return vanished(err)
	}
	return f.to.Symlink(target, name)
}

// file copies a regular file; fs.ErrExist says that there is something in its
// place.
func (f *folder) file(name string) error {
	source, err := f.from.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return vanished(err)
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errSkipped
	}
	err = f.fill(name, source, info)
	if errors.Is(err, fs.ErrExist) && f.unfinished(name) {
		if err = f.to.Remove(name); err == nil {
			err = f.fill(name, source, info)
		}
	}
	return err
}

// unfinished reports whether a copy was killed when it wrote that file.
func (f *folder) unfinished(name string) bool {
	info, err := f.to.Lstat(name)
	return err == nil && info.Mode() == unfinishedFile
}

// fill makes the file: a clone where it can, else a copy.
func (f *folder) fill(name string, source *os.File, info fs.FileInfo) error {
	if info.Size() > 0 && f.cloning.Load() {
		target, err := clone(f.to, name, source)
		switch {
		case err == nil:
			if err = f.finish(name, target, info, nil); err == nil {
				f.cloned.Add(1)
			}
			return err
		case errors.Is(err, fs.ErrExist):
			return err
		case refused(err):
			f.cloning.Store(false)
		}
	}
	target, err := f.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, unfinishedFile)
	if err != nil {
		return err
	}
	return f.finish(name, target, info, f.write(target, source, info.Size()))
}

// write copies the content, with its holes. For small files two plain calls are
// quicker.
func (f *folder) write(target, source *os.File, size int64) error {
	if size > small {
		return osfs.CopySparse(target, source)
	}
	if size == 0 {
		return nil
	}
	buffer := f.buffers.Get().(*[small]byte)
	defer f.buffers.Put(buffer)
	n, err := io.ReadFull(source, buffer[:size])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	_, err = target.Write(buffer[:n])
	return err
}

// finish gives a file its times and its mode, or removes what is there of it. No
// target says that it has both.
func (f *folder) finish(name string, target *os.File, info fs.FileInfo, err error) error {
	if target != nil {
		byName := err == nil && setTimes(target, info.ModTime()) != nil
		if err == nil {
			err = target.Chmod(info.Mode().Perm())
		}
		err = errors.Join(err, target.Close())
		if err == nil && byName {
			err = f.to.Chtimes(name, info.ModTime(), info.ModTime())
		}
	}
	if err != nil {
		_ = f.to.Remove(name)
		return err
	}
	f.bytes.Add(info.Size())
	return nil
}
