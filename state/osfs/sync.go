package osfs

import "os"

// Syncer is an open file of any file system.
type Syncer interface{ Sync() error }

// SyncDir makes the names in a directory durable, where the system flushes directories.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err == nil {
		err = dir.Sync()
		dir.Close()
	}
	if CannotSyncDir(err) {
		return nil
	}
	return err
}
