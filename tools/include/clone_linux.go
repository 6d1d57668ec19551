package include

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clone makes name a file that shares the blocks of source (ioctl_ficlone(2)), and
// is still to get its mode and times.
func clone(to *os.Root, name string, source *os.File) (*os.File, error) {
	target, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, unfinishedFile)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlFileClone(int(target.Fd()), int(source.Fd())); err != nil {
		target.Close()
		_ = to.Remove(name)
		return nil, err
	}
	return target, nil
}

// setTimes sets the times of an open file, with Linux 5.8 or later.
func setTimes(file *os.File, t time.Time) error {
	at, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.UtimesNanoAt(int(fd), "", []unix.Timespec{at, at}, unix.AT_EMPTY_PATH) })
	return errors.Join(err, failed)
}
