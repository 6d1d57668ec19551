//go:build !linux && !darwin

package git

// renameNew renames, and never in the place of something: os.ErrExist. Windows
// replaces no directory.
func renameNew(from, to string) error { return renameUnlessThere(from, to) }
