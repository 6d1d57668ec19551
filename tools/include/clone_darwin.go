package include

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clone makes name a file that shares the blocks of source (clonefile(2)), with its
// mode and times.
func clone(to *os.Root, name string, source *os.File) (*os.File, error) {
	dir, err := to.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return nil, unix.Fclonefileat(int(source.Fd()), int(dir.Fd()), name, unix.CLONE_NOFOLLOW)
}

// setTimes is left to the name of the file.
func setTimes(*os.File, time.Time) error { return errors.ErrUnsupported }
