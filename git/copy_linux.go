package git

import (
	"os"

	"golang.org/x/sys/unix"
)

func mknodAt(dir int, name string, mode uint32, device uint64) error {
	return unix.Mknodat(dir, name, mode, int(device))
}

// syncTree flushes all that was written to the file system of a directory.
func syncTree(root *os.Root) error {
	return inDir(root, func(fd int) error { return os.NewSyscallError("syncfs", unix.Syncfs(fd)) })
}
