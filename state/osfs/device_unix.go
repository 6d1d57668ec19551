//go:build unix

package osfs

import (
	"os"
	"syscall"
)

// SameDevice reports whether a rename from one directory to the other can work.
// A mount of another part of the same file system is not told apart.
func SameDevice(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	if err1 != nil || err2 != nil {
		return false
	}
	x, ok1 := one.Sys().(*syscall.Stat_t)
	y, ok2 := two.Sys().(*syscall.Stat_t)
	return !ok1 || !ok2 || x.Dev == y.Dev
}
