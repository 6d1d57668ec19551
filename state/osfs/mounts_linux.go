package osfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MountsBelow lists the places at and below dir where another file system, or
// another part of the same one, is mounted (proc(5), mountinfo).
func MountsBelow(dir string) ([]string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile("/proc/self/mountinfo")
	if os.IsNotExist(err) {
		below, err := mountRoots(dir)
		if err != nil {
			return nil, fmt.Errorf("look for mounts without /proc: %w", err)
		}
		return below, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var below []string
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescapeMount(string(fields[4]))
		if point == dir || strings.HasPrefix(point, strings.TrimSuffix(dir, "/")+"/") {
			below = append(below, point)
		}
	}
	return below, nil
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// mountRoots lists what MountsBelow does, without /proc: it asks the kernel about
// every entry at and below dir. A rename takes along what is mounted in a directory,
// so what cannot be looked at fails.
func mountRoots(dir string) ([]string, error) {
	if mounted, err := isMountRoot(unix.AT_FDCWD, dir); mounted || err != nil {
		return []string{dir}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return mountRootsIn(root, dir)
}

func mountRootsIn(dir *os.Root, path string) (found []string, err error) {
	file, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	entries, err := file.ReadDir(-1)
	for _, e := range entries {
		if err != nil {
			break
		}
		var more []string
		more, err = mountRootsAt(dir, file, e, filepath.Join(path, e.Name()))
		found = append(found, more...)
	}
	return found, err
}

func mountRootsAt(dir *os.Root, file *os.File, e os.DirEntry, path string) ([]string, error) {
	mounted, err := isMountRoot(int(file.Fd()), e.Name())
	switch {
	case mounted:
		return []string{path}, nil
	case os.IsNotExist(err), err == nil && !e.IsDir():
		return nil, nil
	case err != nil:
		return nil, err
	}
	below, err := dir.OpenRoot(e.Name())
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer below.Close()
	return mountRootsIn(below, path)
}

// isMountRoot reports whether something is mounted at a name, which no link is
// followed for. It fails where the kernel does not tell (before Linux 5.8).
func isMountRoot(at int, name string) (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(at, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, 0, &st); err != nil {
		return false, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return false, &os.PathError{Op: "statx", Path: name, Err: errors.ErrUnsupported}
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}
