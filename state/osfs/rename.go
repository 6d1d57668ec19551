package osfs

import "os"

// renameUnlessThere is RenameNew where the system has none: between its look and the
// rename something may come.
func renameUnlessThere(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: os.ErrExist}
	}
	return os.Rename(from, to)
}
