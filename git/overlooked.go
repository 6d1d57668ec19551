package git

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

// overlooked lists the files that the index tells git to overlook (assume-unchanged,
// skip-worktree; git-update-index(1)) and that are not as it has them. One that is to
// be skipped need not be there. Bytes are compared as they lie there.
func overlooked(top string, entries []entry) (changed []string, err error) {
	var root *os.Root
	for _, e := range entries {
		if !e.hidden() || e.mode == "160000" || e.stage != '0' {
			continue
		}
		if root == nil {
			if root, err = os.OpenRoot(top); err != nil {
				return nil, err
			}
			defer root.Close()
		}
		if !e.sameAs(root) {
			changed = append(changed, e.path)
		}
	}
	return changed, nil
}

// hidden reports a file that git status does not look at.
func (e entry) hidden() bool { return e.tag != 'H' && e.tag != 'M' }

// skipped reports a file that need not be there.
func (e entry) skipped() bool { return e.tag == 'S' || e.tag == 's' }

// sameAs reports whether a file is as the index has it; what cannot be read is not.
func (e entry) sameAs(root *os.Root) bool {
	name := filepath.FromSlash(e.path)
	info, err := root.Lstat(name)
	if err != nil {
		return e.skipped() && errors.Is(err, fs.ErrNotExist)
	}
	switch {
	case info.Mode().Type() == fs.ModeSymlink && e.mode == "120000":
		target, err := root.Readlink(name)
		return err == nil && e.has(int64(len(target)), strings.NewReader(target))
	case info.Mode().IsRegular() && e.mode != "120000":
		same, err := e.isObject(context.Background(), root, info.Size())
		return err == nil && same
	}
	return false
}

// isObject reports whether a file's bytes are those of the index's object.
func (e entry) isObject(ctx context.Context, root *os.Root, size int64) (bool, error) {
	file, err := root.OpenFile(filepath.FromSlash(e.path), os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	return e.has(size, file), ctx.Err()
}

// has reports whether the index's object is made of that many bytes.
func (e entry) has(size int64, content io.Reader) bool {
	var sum hash.Hash = sha1.New()
	if len(e.oid) == 64 {
		sum = sha256.New()
	}
	fmt.Fprintf(sum, "blob %d\x00", size)
	n, err := io.Copy(sum, io.LimitReader(content, size+1))
	return err == nil && n == size && hex.EncodeToString(sum.Sum(nil)) == e.oid
}
