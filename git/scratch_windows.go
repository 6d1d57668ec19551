package git

import "io/fs"

// ownedByUs takes every file for ours: a temporary directory is the user's own on
// Windows.
func ownedByUs(fs.FileInfo) bool { return true }

func openToAll(fs.FileInfo) bool { return false }
