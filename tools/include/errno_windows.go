package include

import "errors"

// refused reports whether the file system clones no file at all.
func refused(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
