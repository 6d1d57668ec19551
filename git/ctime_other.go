//go:build !linux && !darwin

package git

import (
	"os"
	"time"
)

// StatusChange is when the content of a file last changed: the system tells no more.
func StatusChange(info os.FileInfo) time.Time { return info.ModTime() }
