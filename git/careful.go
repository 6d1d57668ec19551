package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state/osfs"
)

// ErrSpecial says that in the place of a file there is something that git would
// read or wait for without end: a pipe, a socket, a device.
var ErrSpecial = errors.New("git would wait for ever")

const notRegular = " is no regular file"

const (
	smallLimit  = 64 << 10
	configLimit = 1 << 20
	listLimit   = 16 << 20 // of patterns, or of shallow commits
)

// readSmall reads a regular file of git's that holds one path or line, without
// its line end. It follows no symbolic link.
func readSmall(path string) (string, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink {
		return "", fmt.Errorf("%s is a symbolic link", path)
	}
	content, err := readRegular(path, smallLimit, osfs.Nofollow)
	for _, end := range []byte{'\n', '\r'} {
		if n := len(content); n > 0 && content[n-1] == end {
			content = content[:n-1]
		}
	}
	return string(content), err
}

// readFile reads a file of git's that may be a symbolic link, to a regular file in
// the end. One that does not exist is empty.
func readFile(path string, limit int64) ([]byte, error) {
	content, err := readRegular(path, limit, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

// readRegular opens without waiting, and judges what it has opened.
func readRegular(path string, limit int64, flags int) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|osfs.Nonblock|flags, 0)
	if err != nil {
		if endless(path) { // a socket cannot be opened
			err = refuse(ErrSpecial, path+notRegular)
		}
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return nil, refuse(ErrSpecial, path+notRegular)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	content := make([]byte, info.Size()+1)
	n, err := io.ReadFull(file, content)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return content[:n], nil
}

// endless reports what a program would wait for that opens it, or never read to
// its end: itself, or where a symbolic link leads.
func endless(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// hindrance says why git would take for ever to read a file; "" where it would not.
func hindrance(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.IsDir():
		return ""
	case !info.Mode().IsRegular():
		return path + notRegular
	case info.Size() > plausible(path):
		return fmt.Sprintf("%s has %d bytes", path, info.Size())
	}
	return ""
}

// plausible is the most that a file has that git reads in whole, by its name.
func plausible(path string) int64 {
	const refsLimit = 1 << 30
	slashed := filepath.ToSlash(path)
	switch name := filepath.Base(path); {
	case name == "packed-refs":
		return refsLimit
	case slices.Contains([]string{"exclude", "attributes", "alternates", "shallow", "sparse-checkout", ".gitignore", ".gitattributes", ".gitmodules"}, name):
		return listLimit
	case name == "config", name == "config.worktree":
		return configLimit
	case strings.Contains(slashed, "/logs/"):
		return math.MaxInt64
	case strings.HasSuffix(name, "HEAD"), strings.Contains(slashed, "/refs/"), slices.Contains([]string{"commondir", "gitdir", "locked"}, name):
		return configLimit
	}
	return math.MaxInt64
}

// checkFiles refuses a repository in which git would wait: it looks at the files
// that every git opens first. The others are found when git does wait, see watch.
func (p place) checkFiles() error {
	for _, dir := range []string{p.admin, p.common} {
		for _, name := range []string{"HEAD", "index", "commondir", "gitdir", "locked", "config", "config.worktree", "packed-refs", "shallow"} {
			if why := hindrance(filepath.Join(dir, name)); why != "" {
				return refuse(ErrSpecial, why)
			}
		}
		if p.admin == p.common {
			break
		}
	}
	if why := hindrance(filepath.Join(p.common, "objects", "info", "alternates")); why != "" {
		return refuse(ErrSpecial, why)
	}
	return nil
}
