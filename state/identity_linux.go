package state

import (
	"os"
	"syscall"
)

// identify returns the identity of a file; ok is false where the file system does not tell.
func identify(info os.FileInfo) (id identity, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identityOf(st), true
}

func identityOf(st *syscall.Stat_t) identity {
	return identity{size: st.Size, modified: st.Mtim.Nano(), changed: st.Ctim.Nano(), inode: st.Ino, links: uint64(st.Nlink)}
}
