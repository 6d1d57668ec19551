package git

import (
	"path/filepath"
	"strings"
)

// sameDevice reports whether a rename from one directory to the other can work.
func sameDevice(a, b string) bool {
	return strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b))
}
