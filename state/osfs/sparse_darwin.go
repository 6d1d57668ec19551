package osfs

// The places that lseek(2) finds.
const (
	seekHole = 3
	seekData = 4
)
