package osfs

import (
	"io/fs"
	"time"
)

// Identity tells one content of a file from another without reading it, as far as the
// file system notes times. What a system does not tell is zero.
type Identity struct {
	Size, Modified, Changed int64 // times in nanoseconds; Changed is that of content, mode or name
	Inode, Links            uint64
}

// StatusChange is when content, mode or name of a file last changed; where the system
// does not tell, when its content did.
func StatusChange(info fs.FileInfo) time.Time {
	if id, ok := Identify(info); ok && id.Changed != 0 {
		return time.Unix(0, id.Changed)
	}
	return info.ModTime()
}
