//go:build unix

package state

import (
	"errors"
	"os"
	"syscall"
)

func tryFlock(f *os.File) (bool, error) { return tryFlockHow(f, syscall.LOCK_EX) }

func tryFlockShared(f *os.File) (bool, error) { return tryFlockHow(f, syscall.LOCK_SH) }

func tryFlockHow(f *os.File, how int) (bool, error) {
	err := flockHow(f, how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File) error { return flockHow(f, syscall.LOCK_EX) }

func funlock(f *os.File) error { return flockHow(f, syscall.LOCK_UN) }

func flockHow(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
