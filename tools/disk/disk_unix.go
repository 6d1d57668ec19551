//go:build unix

package disk

import (
	"os"
	"syscall"
)

// taken is the room of a file; shared says that it has more names.
func taken(info os.FileInfo) (bytes int64, id file, shared bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size(), id, false
	}
	return stat.Blocks * 512, file{uint64(stat.Dev), uint64(stat.Ino)}, stat.Nlink > 1 && !info.IsDir()
}
