package osfs

import (
	"os"
	"syscall"
)

// SyncData makes the content of f durable. On a file of the system's fdatasync(2)
// does, which leaves out what is not needed to read the content back.
func SyncData(f Syncer) error {
	file, ok := f.(*os.File)
	if !ok {
		return f.Sync()
	}
	return again(func() error { return syscall.Fdatasync(int(file.Fd())) })
}
