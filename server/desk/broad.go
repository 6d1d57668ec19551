package desk

import (
	"os"
	"path/filepath"
)

// broad reports that a directory is where programs are started that were told nothing:
// the root of a file system, the user's home, and what holds that.
func broad(dir string) bool {
	dir = filepath.Clean(dir)
	if filepath.Dir(dir) == dir {
		return true
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return false
	}
	within, err := filepath.Rel(dir, filepath.Clean(home))
	return err == nil && filepath.IsLocal(within)
}
