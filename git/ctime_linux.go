package git

import (
	"os"
	"syscall"
	"time"
)

// StatusChange is when content, mode or name of a file last changed.
func StatusChange(info os.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
