//go:build !linux && !darwin

package osfs

// MountsBelow knows of no mounts here: on Windows they are reparse points, which
// neither a rename nor a deletion goes through.
func MountsBelow(string) ([]string, error) { return nil, nil }
