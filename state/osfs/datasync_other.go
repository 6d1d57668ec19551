//go:build !linux

package osfs

// SyncData makes the content of f durable; on macOS Go uses F_FULLFSYNC.
func SyncData(f Syncer) error { return f.Sync() }
