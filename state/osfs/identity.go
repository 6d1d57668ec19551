package osfs

// Identity tells one content of a file from another without reading it, as far as the
// file system notes times. What a system does not tell is zero.
type Identity struct {
	Size, Modified, Changed int64 // times in nanoseconds; Changed is that of content, mode or name
	Inode, Links            uint64
}
