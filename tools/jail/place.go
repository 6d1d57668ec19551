package jail

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"wt-mcp/state/osfs"
)

// Place is where a path ends up: a name in a directory that is held open.
type Place struct {
	*walk
	name string
	Info fs.FileInfo // of what is there; nil: nothing
}

// Close gives the place up.
func (p *Place) Close() { p.close() }

// Undo takes away the directories that were made for the place.
func (p *Place) Undo() { p.undo() }

// Open opens the regular file that is there, without waiting for anything.
func (p *Place) Open() (*os.File, error) {
	f, err := p.here().OpenFile(p.name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && p.jail.isGits(info) {
		err = ErrGit
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Replace gives the place new content at once, so that no reader sees half of it and
// no other name of a file that was there is written through. commit is handed the
// last step.
func (p *Place) Replace(data []byte, mode fs.FileMode, commit func(last func() error) error) error {
	if p.Info != nil && !p.Info.Mode().IsRegular() {
		return &osfs.Refused{Path: p.name, Why: "is " + osfs.Kind(p.Info.Mode())}
	}
	dir, part := p.here(), ".wt-mcp-"+rand.Text()[:12]+".tmp"
	f, err := dir.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = commit(func() error { return dir.Rename(part, p.name) })
	}
	if err != nil {
		_ = dir.Remove(part)
	}
	return err
}
