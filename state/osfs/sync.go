package osfs

// Syncer is an open file of any file system.
type Syncer interface{ Sync() error }
