//go:build !linux && !darwin

package osfs

// NetworkFS is not known on this system.
func NetworkFS(string) string { return "" }
