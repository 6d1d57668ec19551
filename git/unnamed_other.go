//go:build !linux

package git

import (
	"errors"
	"os"
)

// unnamedFile is not to be had.
func unnamedFile() (*os.File, error) { return nil, errors.ErrUnsupported }
