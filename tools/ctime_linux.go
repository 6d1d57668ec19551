package tools

import (
	"os"
	"syscall"
	"time"
)

// statusChange is when content, mode or name of a file last changed.
func statusChange(info os.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
