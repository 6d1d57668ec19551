//go:build !linux

package osfs

import (
	"io/fs"
	"os"
)

// Read is ReadFile, with the identity that the file had before it was read.
func (d *Dir) Read(name string, limit int64) ([]byte, Identity, error) {
	f, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, Identity{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, Identity{}, err
	}
	id, ok := Identify(info)
	if !ok {
		return nil, id, fs.ErrInvalid
	}
	data, err := ReadUpTo(f, limit)
	return data, id, err
}
