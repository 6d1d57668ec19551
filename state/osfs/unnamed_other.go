//go:build !linux

package osfs

import (
	"errors"
	"os"
)

// Unnamed makes no file here: errors.ErrUnsupported.
func Unnamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }
