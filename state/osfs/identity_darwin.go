package osfs

import (
	"io/fs"
	"syscall"
)

// Identify tells a file from others; ok is false for one that is none of the system's.
func Identify(info fs.FileInfo) (id Identity, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Identity{}, false
	}
	return Identity{Size: st.Size, Modified: st.Mtimespec.Nano(), Changed: st.Ctimespec.Nano(), Inode: st.Ino, Links: uint64(st.Nlink)}, true
}
