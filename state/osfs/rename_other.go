//go:build !linux && !darwin

package osfs

// RenameNew renames, and never in the place of something: os.ErrExist. Windows
// replaces no directory.
func RenameNew(from, to string) error { return renameUnlessThere(from, to) }
