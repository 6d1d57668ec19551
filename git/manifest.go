package git

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// manifest says of a snapshot what git's trees cannot. Each record is a letter,
// permission bits in octal, a path, and NUL; a small note's has its size before
// the path, and its content after the NUL.
type manifest struct{ bytes.Buffer }

const (
	recordFile   = 'F' // in files/
	recordLink   = 'L' // in files/
	recordGone   = 'X' // tracked, but not there
	recordUnheld = 'U' // was there, and is not in the snapshot
	recordDir    = 'D'
	recordPerm   = 'P' // of a file that HEAD or the index has
	recordSmall  = 'A' // a note of git's, here
	recordNote   = 'N' // a note of git's, in git/
)

const manifestHead = "wt-mcp snapshot 1 "

func (m *manifest) head(usual perms) {
	fmt.Fprintf(m, manifestHead+"%o %o %o\x00", usual.file, usual.exec, usual.dir)
}

func (m *manifest) add(kind byte, mode os.FileMode, path string) {
	fmt.Fprintf(m, "%c %o %s\x00", kind, mode.Perm(), path)
}

func (m *manifest) inline(file adminFile) {
	fmt.Fprintf(m, "%c %o %d %s\x00", recordSmall, file.mode, len(file.content), file.path)
	m.Write(file.content)
}

// contents is a manifest that was read.
type contents struct {
	usual  perms
	files  map[string]os.FileMode // with the type of a link
	absent map[string]bool
	unheld map[string]bool
	dirs   map[string]os.FileMode
	perms  map[string]os.FileMode
	notes  map[string]os.FileMode
	small  map[string]adminFile
}

var errManifest = errors.New("the snapshot's manifest is damaged")

// parseManifest reads a manifest. It refuses paths that lead elsewhere: anybody
// who can write a ref can have written it.
func parseManifest(text []byte) (*contents, error) {
	c := &contents{files: map[string]os.FileMode{}, absent: map[string]bool{}, unheld: map[string]bool{}, dirs: map[string]os.FileMode{},
		perms: map[string]os.FileMode{}, notes: map[string]os.FileMode{}, small: map[string]adminFile{}}
	first, text, ok := bytes.Cut(text, []byte{0})
	if _, err := fmt.Sscanf(string(first), manifestHead+"%o %o %o", &c.usual.file, &c.usual.exec, &c.usual.dir); err != nil || !ok {
		return nil, errManifest
	}
	for len(text) > 0 {
		record, rest, ok := bytes.Cut(text, []byte{0})
		if !ok {
			return nil, errManifest
		}
		used, err := c.add(string(record), rest)
		if err != nil {
			return nil, err
		}
		text = rest[used:]
	}
	return c, nil
}

// add takes one record, and says how much of what follows belongs to it.
func (c *contents) add(record string, rest []byte) (used int, err error) {
	kind, record, ok1 := strings.Cut(record, " ")
	octal, path, ok2 := strings.Cut(record, " ")
	bits, err := strconv.ParseUint(octal, 8, 9)
	if err != nil || !ok1 || !ok2 || len(kind) != 1 {
		return 0, errManifest
	}
	mode := os.FileMode(bits)
	if kind[0] == recordSmall {
		size, name, _ := strings.Cut(path, " ")
		if used, err = strconv.Atoi(size); err != nil || used < 0 || used > len(rest) {
			return 0, errManifest
		}
		path = name
		c.small[path] = adminFile{path: path, mode: mode, content: rest[:used]}
	}
	inGit := kind[0] == recordSmall || kind[0] == recordNote
	if !filepath.IsLocal(filepath.FromSlash(path)) || path == "." || inGit && leftBehind(path) || !inGit && strings.EqualFold(strings.SplitN(path, "/", 2)[0], ".git") {
		return 0, fmt.Errorf("%w: path %.200q", errManifest, path)
	}
	switch kind[0] {
	case recordFile:
		c.files[path] = mode
	case recordLink:
		c.files[path] = os.ModeSymlink
	case recordGone:
		c.absent[path] = true
	case recordUnheld:
		c.absent[path], c.unheld[path] = true, true
	case recordDir:
		c.dirs[path] = mode
	case recordPerm:
		c.perms[path] = mode
	case recordNote:
		c.notes[path] = mode
	}
	return used, nil
}
