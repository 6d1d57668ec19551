//go:build !linux && !darwin

package include

import (
	"errors"
	"os"
	"time"
)

// clone is not done on this system.
func clone(*os.Root, string, *os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

// setTimes is left to the name of the file.
func setTimes(*os.File, time.Time) error { return errors.ErrUnsupported }
