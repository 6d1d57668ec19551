//go:build unix

package git

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an exclusive flock, or says errLocked. Closing the file frees it.
func tryLock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// freeLock frees a lock at once and closes its file. A close alone would leave it to
// a child that is being started just then, until that has got to its program.
func freeLock(file *os.File) {
	_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
	file.Close()
}

// syncDir flushes the entries of a directory. File systems that cannot do so
// for a directory say EINVAL or ENOTSUP; they have nothing better to offer.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
