package osfs

import "syscall"

// NetworkFS names the network file system of dir; "" for a local one, or where
// the system does not tell. The numbers are those of statfs(2).
func NetworkFS(dir string) string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return ""
	}
	return networkMagic(int64(uint32(fs.Type)))
}

func networkMagic(magic int64) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x01021997:
		return "9P"
	case 0x65735546:
		return "FUSE"
	case 0x5346414f, 0x6b414653:
		return "AFS"
	case 0x00c36400:
		return "Ceph"
	}
	return ""
}
