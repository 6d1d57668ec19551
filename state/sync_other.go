//go:build !linux && !darwin && !windows

package state

import "github.com/spf13/afero"

// flush makes the content of f durable.
func flush(f afero.File) error { return f.Sync() }

// bootID is unknown here, so no clean marker is believed: each change reads the journal.
func bootID() string { return "" }
