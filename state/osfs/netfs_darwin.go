package osfs

import "golang.org/x/sys/unix"

// NetworkFS names the network file system of dir; "" for a local one.
func NetworkFS(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return unix.ByteSliceToString(fs.Fstypename[:])
}
