//go:build unix

package git

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileID is what the names of one file have in common.
type fileID struct{ device, number uint64 }

func severalNames(info fs.FileInfo) (id fileID, several bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.IsDir() {
		return id, false
	}
	return fileID{uint64(stat.Dev), uint64(stat.Ino)}, stat.Nlink > 1
}

// copyFacts gives an open copy owner, attributes and permissions of its original, in
// an order in which none undoes another.
func copyFacts(source, target *os.File, info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t)
	fd := int(target.Fd())
	if err := unix.Fchown(fd, int(stat.Uid), int(stat.Gid)); err != nil {
		return os.NewSyscallError("chown", err)
	}
	if err := copyAttributes(int(source.Fd()), fd); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, uint32(stat.Mode)&0o7777); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	return nil
}

// setTimes gives a copy the time of its original, also where that is a link.
func setTimes(to *os.Root, name string, info fs.FileInfo) error {
	at := unix.NsecToTimespec(info.ModTime().UnixNano())
	return inDir(to, func(dir int) error {
		return os.NewSyscallError("set times", unix.UtimesNanoAt(dir, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
	})
}

// copyNamed is copyFacts for what cannot be opened.
func copyNamed(to *os.Root, name string, info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t)
	return inDir(to, func(dir int) error {
		if err := unix.Fchownat(dir, name, int(stat.Uid), int(stat.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return os.NewSyscallError("chown", err)
		}
		if info.Mode().Type() != fs.ModeSymlink {
			if err := unix.Fchmodat(dir, name, uint32(stat.Mode)&0o7777, 0); err != nil {
				return os.NewSyscallError("chmod", err)
			}
		}
		return nil
	})
}

// makeNode makes a pipe, a socket or a device.
func makeNode(to *os.Root, name string, info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t)
	return inDir(to, func(dir int) error {
		return os.NewSyscallError("mknod", mknodAt(dir, name, uint32(stat.Mode), uint64(stat.Rdev)))
	})
}

func inDir(root *os.Root, do func(fd int) error) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(int(dir.Fd()))
}

func copyAttributes(source, target int) error {
	list, err := attributes(source)
	if err != nil || list == "" {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		value, err := attribute(source, name)
		if err == nil {
			err = unix.Fsetxattr(target, name, value, 0)
		}
		if errors.Is(err, unix.ENOTSUP) {
			return &os.SyscallError{Syscall: "set attribute " + name, Err: errors.ErrUnsupported}
		}
		if err != nil {
			return os.NewSyscallError("copy attribute "+name, err)
		}
		if now, err := attribute(target, name); err != nil || !bytes.Equal(now, value) {
			return errDiffers
		}
	}
	return nil
}

// attributes lists the names of extended attributes, each with a NUL behind it.
func attributes(fd int) (string, error) {
	size, err := unix.Flistxattr(fd, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return "", nil
	}
	buffer := make([]byte, size)
	if err == nil {
		size, err = unix.Flistxattr(fd, buffer)
	}
	if err != nil {
		return "", os.NewSyscallError("list attributes", err)
	}
	return string(buffer[:size]), nil
}

func attribute(fd int, name string) ([]byte, error) {
	size, err := unix.Fgetxattr(fd, name, nil)
	if err != nil || size == 0 {
		return nil, err
	}
	value := make([]byte, size)
	size, err = unix.Fgetxattr(fd, name, value)
	return value[:max(size, 0)], err
}

// sameFacts compares what two files are but for their content.
func sameFacts(a, b fs.FileInfo) bool {
	one, two := a.Sys().(*syscall.Stat_t), b.Sys().(*syscall.Stat_t)
	if a.Mode() != b.Mode() || one.Uid != two.Uid || one.Gid != two.Gid || one.Rdev != two.Rdev || !a.IsDir() && (a.Size() != b.Size() || one.Nlink > 1 && one.Nlink < two.Nlink) {
		return false
	}
	return a.ModTime().UnixMicro() == b.ModTime().UnixMicro() // not every file system has finer ones
}
