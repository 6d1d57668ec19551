package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

// Bounds of what is read of untracked files for their numbers.
const (
	maxCounted      = 16 << 20 // bytes of one
	maxCountedAll   = 256 << 20
	maxCountedFiles = 10_000
)

// KindUntracked is the kind of a change that git does not know of: the file is new.
const KindUntracked = '?'

// others lists the untracked files with their lines, and what of them is not counted.
func (d *differ) others(ctx context.Context) (list []Change, notes []string, err error) {
	names, notes, err := d.otherNames(ctx)
	if err != nil || len(names) == 0 {
		return nil, notes, err
	}
	root, err := os.OpenRoot(d.at.top)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	left := int64(maxCountedAll)
	for i, name := range names {
		c, size, err := other(root, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			continue
		case err != nil:
			notes = append(notes, name+" is untracked and could not be read: "+reasonOf(err))
		case size > maxCounted || i >= maxCountedFiles || left < size:
			notes = append(notes, fmt.Sprintf("%s is untracked, its %d bytes were not counted", name, size))
		default:
			left -= size
			if err := c.count(root); err != nil {
				notes = append(notes, name+" is untracked and could not be read: "+reasonOf(err))
			}
		}
		list = append(list, c)
	}
	return list, notes, ctx.Err()
}

// otherNames lists them, and tells of repositories within.
func (d *differ) otherNames(ctx context.Context) (names, notes []string, err error) {
	args := []string{"ls-files", "-z", "--others", "--exclude-standard", "--"}
	for _, name := range d.Names {
		args = append(args, ":(top,literal)"+name)
	}
	out, err := d.repo.git.whole(ctx, call{dir: d.at.top, at: d.at, args: args})
	var unseen *Refused
	if errors.Is(err, ErrUnseen) && errors.As(err, &unseen) {
		notes, err = unseen.What, nil
	}
	for _, name := range strings.Split(string(out), "\x00") {
		switch {
		case name == "":
		case strings.HasSuffix(name, "/"):
			notes = append(notes, strings.TrimSuffix(name, "/")+" is a repository of its own: not looked into")
		default:
			names = append(names, name)
		}
	}
	return names, notes, err
}

// other is an untracked file, and how many bytes it has.
func other(root *os.Root, name string) (c Change, size int64, err error) {
	c = Change{Path: name, Kind: KindUntracked, OldMode: "000000", Mode: "100644"}
	info, err := root.Lstat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return c, 0, err
	case info.Mode().Type() == fs.ModeSymlink:
		c.Mode = "120000"
	case !info.Mode().IsRegular():
		return c, 0, errors.New("it is no regular file")
	case info.Mode()&0o100 != 0:
		c.Mode = "100755"
	}
	return c, info.Size(), nil
}

// open opens the content of an untracked file.
func (c *Change) open(root *os.Root) (io.ReadCloser, error) {
	name := filepath.FromSlash(c.Path)
	if c.Mode == "120000" {
		target, err := root.Readlink(name)
		return io.NopCloser(strings.NewReader(filepath.ToSlash(target))), err
	}
	return root.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
}

// count counts the lines of an untracked file.
func (c *Change) count(root *os.Root) error {
	file, err := c.open(root)
	if err != nil {
		return err
	}
	defer file.Close()
	block, last := make([]byte, 64<<10), byte('\n')
	in := io.LimitReader(file, maxCounted)
	for first := true; ; first = false {
		n, err := io.ReadFull(in, block)
		if first && isBinary(block[:n]) {
			c.Binary = true
			return nil
		}
		c.Insertions += bytes.Count(block[:n], []byte{'\n'})
		if n > 0 {
			last = block[n-1]
		}
		if err != nil {
			if last != '\n' {
				c.Insertions++
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
	}
}

// patchUntracked writes each untracked file as one that is added.
func (d *differ) patchUntracked(ctx context.Context, out io.Writer) error {
	names, _, err := d.otherNames(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	root, err := os.OpenRoot(d.at.top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range names {
		c, size, err := other(root, name)
		if err != nil || size > maxCounted || c.count(root) != nil {
			continue // it is among the unseen
		}
		if err := c.patch(root, out); err != nil {
			return err
		}
	}
	return nil
}

// patch writes a new file as git diff does (git-diff(1), Generating patch text).
func (c *Change) patch(root *os.Root, out io.Writer) error {
	w := bufio.NewWriter(out)
	a, b := quotePath("a/"+c.Path), quotePath("b/"+c.Path)
	fmt.Fprintf(w, "diff --git %s %s\nnew file mode %s\n", a, b, c.Mode)
	if c.Binary {
		fmt.Fprintf(w, "Binary files /dev/null and %s differ\n", b)
		return w.Flush()
	}
	if c.Insertions == 0 {
		return w.Flush()
	}
	fmt.Fprintf(w, "--- /dev/null\n+++ %s\n@@ -0,0 +1%s @@\n", b, map[bool]string{false: fmt.Sprintf(",%d", c.Insertions)}[c.Insertions == 1])
	file, err := c.open(root)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReader(io.LimitReader(file, maxCounted))
	for begin := true; ; {
		part, err := in.ReadSlice('\n')
		if begin && len(part) > 0 {
			w.WriteByte('+')
		}
		if _, e := w.Write(part); e != nil {
			return e
		}
		begin = err == nil
		if errors.Is(err, io.EOF) {
			if len(part) > 0 {
				w.WriteString("\n\\ No newline at end of file\n")
			}
			return w.Flush()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// quotePath writes a path as git does with core.quotePath off.
func quotePath(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool { return isControl(r) || r == '"' || r == '\\' }) {
		return path
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(path) {
		switch c := path[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 7 && c <= 13:
			b.WriteByte('\\')
			b.WriteByte("abtnvfr"[c-7])
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}
