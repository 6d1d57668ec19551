//go:build !linux && !darwin

package state

// networkFS is not known on this system.
func networkFS(string) string { return "" }
