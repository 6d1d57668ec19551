package osfs

import "io/fs"

// OwnedByUs takes every file for ours: a temporary directory is the user's own on
// Windows.
func OwnedByUs(fs.FileInfo) bool { return true }

// OpenToAll takes every directory for the user's own.
func OpenToAll(fs.FileInfo) bool { return false }

// WhyStuck knows nothing against a move here: what is open shows when it is tried.
func WhyStuck(_, _ string) string { return "" }
