//go:build !linux

package git

// effort is not known on this system.
func effort(int) (n uint64, known bool) { return 0, false }
