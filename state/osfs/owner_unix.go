//go:build unix

package osfs

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OwnedByUs reports whether a file belongs to the user of this process.
func OwnedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// OpenToAll reports whether everybody may rename and remove the files of everybody
// in a directory.
func OpenToAll(dir fs.FileInfo) bool {
	return dir.Mode().Perm()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0
}

// WhyStuck says why a directory cannot be moved away from its place; "" where nothing
// is known against it.
func WhyStuck(path, parent string) string {
	for _, dir := range []string{path, parent} {
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return dir + " may not be written to: " + err.Error()
		}
	}
	if me := os.Geteuid(); isSticky(parent) && me != 0 && me != ownerOf(parent) && me != ownerOf(path) {
		return "only its owner may move it out of " + parent
	}
	return ""
}

func isSticky(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&os.ModeSticky != 0
}

func ownerOf(path string) int {
	info, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
