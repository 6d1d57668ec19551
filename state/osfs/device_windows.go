package osfs

import (
	"path/filepath"
	"strings"
)

// SameDevice reports whether a rename from one directory to the other can work.
func SameDevice(a, b string) bool {
	return strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b))
}
