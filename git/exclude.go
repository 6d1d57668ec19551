package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

// Exclude makes sure that every pattern, such as "/.tasks/", is a line of
// <common dir>/info/exclude. What is there stays byte for byte; the file is
// replaced as a whole and keeps its mode. Processes of ours take turns; against
// an editor the file is read again before it is replaced. A symbolic link is
// not followed: it is an error which names it.
func (r *Repo) Exclude(patterns ...string) error {
	for _, p := range patterns {
		if strings.TrimSpace(p) == "" || strings.ContainsAny(p, "\r\n\x00") {
			return fmt.Errorf("%w: exclude pattern %.100q", ErrInvalidName, p)
		}
	}
	path := filepath.Join(r.common, "info", "exclude")
	if err := r.exclude(path, patterns); err != nil {
		return fmt.Errorf("exclude in %s: %w", path, err)
	}
	return nil
}

func (r *Repo) exclude(path string, patterns []string) error {
	if old, err := readPlain(path); err != nil {
		return err
	} else if len(missingLines(old, patterns)) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	const tries = 10
	for range tries {
		done, err := addLines(path, patterns)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("another program keeps changing it")
}

// addLines is done once the file was seen to hold all lines.
func addLines(path string, patterns []string) (done bool, err error) {
	old, err := readPlain(path)
	if err != nil {
		return false, err
	}
	missing := missingLines(old, patterns)
	if len(missing) == 0 {
		return true, nil
	}
	content := slices.Clone(old)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, '\n')
	}
	content = append(content, strings.Join(missing, "\n")+"\n"...)
	return false, replaceFile(path, old, content)
}

// missingLines compares whole lines, with either line end.
func missingLines(content []byte, lines []string) []string {
	present := make(map[string]bool)
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	for line := range bytes.Lines(content) {
		present[strings.TrimRight(string(line), "\r\n")] = true
	}
	var missing []string
	for _, line := range lines {
		if !present[line] {
			present[line] = true
			missing = append(missing, line)
		}
	}
	return missing
}

// readPlain reads a file which, like its directory, must be no symbolic link.
// One that does not exist is empty.
func readPlain(path string) ([]byte, error) {
	for _, p := range []string{filepath.Dir(path), path} {
		info, err := os.Lstat(p)
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s is a symbolic link: add the lines to its target by hand", p)
		}
	}
	return os.ReadFile(path)
}

// replaceFile puts content in place by a rename, if path still holds old.
func replaceFile(path string, old, content []byte) (err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	name := filepath.Join(filepath.Dir(path), ".exclude.wt-mcp") // only who has the git lock writes it
	_ = os.Remove(name)
	temp, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(content)
	err = errors.Join(err, os.Chmod(temp.Name(), mode), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	if now, err := readPlain(path); err != nil || !bytes.Equal(now, old) {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return osfs.SyncDir(filepath.Dir(path))
}
