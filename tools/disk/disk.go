// Package disk says how much room a directory takes.
package disk

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
)

// most bounds the files that one look counts.
const most = 2_000_000

// Usage is what a directory takes on disk.
type Usage struct {
	Bytes   int64
	AtLeast bool // there is more than was counted: too many files, or some that cannot be read
}

// Of counts a directory with all below it. It follows no symbolic link and counts
// a file with several names once. It ends early with ctx. On systems that do not
// tell how much a file takes, its length stands for that.
func Of(ctx context.Context, dir string) (Usage, error) {
	var u Usage
	seen := map[file]bool{}
	left := most
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && path == dir {
			return err
		}
		if left--; left < 0 {
			u.AtLeast = true
			return fs.SkipAll
		}
		var info os.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if err != nil {
			u.AtLeast = u.AtLeast || !os.IsNotExist(err)
			return nil
		}
		bytes, id, shared := taken(info)
		if shared && seen[id] {
			return nil
		}
		if shared {
			seen[id] = true
		}
		u.Bytes += bytes
		return nil
	})
	return u, err
}

// file is what two names of one file have in common.
type file struct{ device, number uint64 }
