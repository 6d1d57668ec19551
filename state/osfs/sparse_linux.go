package osfs

// The places that lseek(2) finds.
const (
	seekData = 3
	seekHole = 4
)
