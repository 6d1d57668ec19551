package osfs

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// Read is ReadFile of a name in this very directory, with the identity that the file
// had before it was read, and with as few calls of the kernel as it takes: most of the
// time of reading many small files is theirs.
func (d *Dir) Read(name string, limit int64) ([]byte, Identity, error) {
	fd, err := d.openat(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, Identity{}, d.notOpened(name, err)
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, Identity{}, d.failed("stat", name, err)
	}
	if mode := st.Mode & syscall.S_IFMT; mode != syscall.S_IFREG {
		return nil, Identity{}, d.notOpened(name, unix.EINVAL)
	}
	id := identityOf(&st)
	if st.Size > limit {
		return nil, id, tooLarge(d.join(name), st.Size, limit)
	}
	data, err := readAll(fd, make([]byte, 0, st.Size+1), limit)
	return data, id, d.failed("read", name, err)
}

// readAll reads fd to its end, or to more than limit.
func readAll(fd int, data []byte, limit int64) ([]byte, error) {
	for {
		var n int
		err := again(func() (err error) {
			n, err = syscall.Read(fd, data[len(data):cap(data)])
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case int64(len(data)+n) > limit:
			return nil, fs.ErrInvalid
		}
		data = data[:len(data)+n]
		if n == 0 || len(data) < cap(data) {
			return data, nil
		}
		data = append(data, 0)[:len(data)]
	}
}
