package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"wt-mcp/state/osfs"
)

// The files of runs lie below <git directory>/wt-mcp, where a command can put
// anything in their place: they are reached from the git directory without following
// a link, and nothing but regular files is opened.

// hold opens the private directory or that of runs.
func hold(dir string) (*osfs.Dir, error) {
	top, below := split(dir)
	git, err := osfs.Open(top)
	if err != nil {
		return nil, err
	}
	defer git.Close()
	return git.Sub(below)
}

// split tells the git directory, which is trusted, from what is below it.
func split(dir string) (top, below string) {
	top, below = filepath.Dir(dir), filepath.Base(dir)
	if filepath.Base(top) == privateName {
		top, below = filepath.Dir(top), privateName+"/"+below
	}
	return top, below
}

// privateName is that of our directory in the git directory.
const privateName = "wt-mcp"

// openFile opens a regular file. The quick way is taken where nothing is odd.
func openFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	top, below := split(filepath.Dir(path))
	if f, ok := osfs.OpenBeneath(top, below+"/"+filepath.Base(path), flag, perm); ok {
		return f, nil
	}
	dir, err := hold(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.OpenFile(filepath.Base(path), flag, perm)
}

func readFile(path string, limit int64) ([]byte, error) {
	f, err := openFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return osfs.ReadUpTo(f, limit)
}

// statFile describes a regular file.
func statFile(path string) (fs.FileInfo, error) {
	f, err := openFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

func removeFile(path string) {
	if dir, err := hold(filepath.Dir(path)); err == nil {
		_ = dir.Remove(filepath.Base(path))
		_ = dir.Close()
	}
}

// replaceFile puts content in place as a whole.
func replaceFile(path string, content []byte) error {
	dir, err := hold(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	_ = dir.Remove(name + ".tmp")
	f, err := dir.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Rename(name+".tmp", name)
	}
	if err != nil {
		_ = dir.Remove(name + ".tmp")
	}
	return err
}

// listNames lists a directory in order; one that is not there has nothing.
func listNames(path string) ([]string, error) {
	dir, err := hold(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	list, err := dir.List()
	if err != nil {
		return nil, err
	}
	defer list.Close()
	names, err := list.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// makeDir makes the directory of runs. Where the repository is shared its users share
// that; what is in it stays each one's own.
func makeDir(dir string, sharing osfs.Sharing) error {
	if osfs.IsDirBeneath(split(dir)) {
		return nil
	}
	if held, err := hold(dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = held.Close()
		}
		return err
	}
	top, private := filepath.Dir(filepath.Dir(dir)), filepath.Base(filepath.Dir(dir))
	git, err := osfs.Open(top)
	if err != nil {
		return fmt.Errorf("make directory of runs: %w", err)
	}
	defer git.Close()
	if err := git.MkdirAll(private+"/"+filepath.Base(dir), 0o700, sharing); err != nil {
		return fmt.Errorf("make directory of runs: %w", err)
	}
	return nil
}
