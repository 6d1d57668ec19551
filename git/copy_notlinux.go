//go:build !linux

package git

import (
	"errors"
	"os"
)

// syncTree flushes a directory with all below it.
func syncTree(root *os.Root) error {
	entries, err := listDir(root)
	for _, e := range entries {
		switch {
		case err != nil:
		case e.IsDir():
			below, e := root.OpenRoot(e.Name())
			if err = e; err == nil {
				err = errors.Join(syncTree(below), below.Close())
			}
		case e.Type().IsRegular():
			file, e := root.OpenFile(e.Name(), os.O_RDWR, 0)
			if err = e; err == nil {
				err = errors.Join(file.Sync(), file.Close())
			}
		}
	}
	return err
}
