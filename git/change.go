package git

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Change is what a file has become. Kind is git's letter (git-diff(1), --diff-filter):
// A added, M modified, D deleted, R renamed, T of another type, U unmerged.
type Change struct {
	Path, From            string // From is what a renamed file was called
	Kind                  byte
	OldMode, Mode         string // as in 100644; 000000 where there is no file
	Insertions, Deletions int
	Binary                bool

	oid string // of the new content, where it is an object
}

// Submodule reports that it is the commit of a submodule that changed.
func (c Change) Submodule() bool { return c.Mode == modeSubmodule || c.OldMode == modeSubmodule }

const modeSubmodule = "160000"

// parseRaw reads git diff --raw -z, and --numstat behind it where that was asked for.
func parseRaw(out []byte) (list []Change, err error) {
	fields := strings.Split(string(out), "\x00")
	at := map[string]int{}
	for len(fields) > 0 && strings.HasPrefix(fields[0], ":") {
		var c Change
		if c, fields, err = rawChange(fields); err != nil {
			return nil, err
		}
		at[c.Path] = len(list)
		list = append(list, c)
	}
	for len(fields) > 0 && fields[0] != "" {
		var c Change
		if c, fields, err = numbers(fields); err != nil {
			return nil, err
		}
		if i, ok := at[c.Path]; ok {
			list[i].Insertions, list[i].Deletions, list[i].Binary = c.Insertions, c.Deletions, c.Binary
		}
	}
	return list, nil
}

// rawChange takes ":100644 100755 oid oid M", and a path, or two where it was renamed.
func rawChange(fields []string) (c Change, rest []string, err error) {
	facts := strings.Fields(fields[0][1:])
	if len(facts) != 5 || len(fields) < 2 || fields[1] == "" || !isMode(facts[0]) || !isMode(facts[1]) {
		return c, nil, fmt.Errorf("git diff said %.100q", fields[0])
	}
	c = Change{Path: fields[1], Kind: facts[4][0], OldMode: facts[0], Mode: facts[1], oid: facts[3]}
	if c.Kind != 'R' && c.Kind != 'C' {
		return c, fields[2:], nil
	}
	if len(fields) < 3 || fields[2] == "" {
		return c, nil, errors.New("git diff named one path of two")
	}
	c.From, c.Path = c.Path, fields[2]
	return c, fields[3:], nil
}

func isMode(s string) bool {
	return len(s) == 6 && strings.Trim(s, "01234567") == ""
}

// numbers takes "3<tab>1<tab>path", or no path there and two behind it; dashes where
// the file is binary.
func numbers(fields []string) (c Change, rest []string, err error) {
	facts := strings.SplitN(fields[0], "\t", 3)
	if len(facts) != 3 {
		return c, nil, fmt.Errorf("git diff counted %.100q", fields[0])
	}
	c.Path, rest = facts[2], fields[1:]
	if c.Path == "" {
		if len(rest) < 2 || rest[1] == "" {
			return c, nil, errors.New("git diff counted one path of two")
		}
		c.Path, rest = rest[1], rest[2:]
	}
	if c.Binary = facts[0] == "-"; c.Binary {
		return c, rest, nil
	}
	ins, err := strconv.Atoi(facts[0])
	del, other := strconv.Atoi(facts[1])
	c.Insertions, c.Deletions = ins, del
	return c, rest, errors.Join(err, other)
}

// isBinary decides as git does (buffer_is_binary).
func isBinary(content []byte) bool {
	const looked = 8000
	return bytes.IndexByte(content[:min(len(content), looked)], 0) >= 0
}
