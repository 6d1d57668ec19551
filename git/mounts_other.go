//go:build !linux && !darwin

package git

// mountsBelow knows of no mounts here: on Windows they are reparse points, which
// neither a rename nor a deletion goes through.
func mountsBelow(string) ([]string, error) { return nil, nil }

const (
	openNonblock = 0
	openNofollow = 0
)
