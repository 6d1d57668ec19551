package git

import "errors"

// mknodAt is not there on this system.
func mknodAt(int, string, uint32, uint64) error { return errors.ErrUnsupported }
