//go:build !linux

package osfs

import (
	"io/fs"
	"os"
)

// OpenBeneath and IsDirBeneath have no single call here: false.
func OpenBeneath(string, string, int, fs.FileMode) (*os.File, bool) { return nil, false }

func IsDirBeneath(string, string) bool { return false }
