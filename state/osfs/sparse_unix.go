//go:build linux || darwin

package osfs

import (
	"errors"
	"os"
	"syscall"
)

// nextData finds the next piece of a file from at that is no hole. Where there is none
// it begins and ends with the file; where the system does not tell all is data.
func nextData(file *os.File, at, size int64) (start, end int64, err error) {
	start, err = file.Seek(at, seekData)
	if errors.Is(err, syscall.ENXIO) {
		return size, size, nil
	}
	if err == nil {
		end, err = file.Seek(start, seekHole)
	}
	if err != nil {
		return at, size, nil
	}
	return min(start, size), min(end, size), nil
}
