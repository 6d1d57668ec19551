//go:build !linux

package git

// effortOf is not known on this system.
func effortOf(int) effort { return effort{} }
