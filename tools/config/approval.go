package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/state/osfs"
)

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// approved reports whether the user approved that content for this repository.
func (f Files) approved(data []byte) (bool, error) { return f.listed(sum(data) + " " + f.Repository) }

// listed reports whether there is an approval with these words.
func (f Files) listed(words string) (bool, error) {
	list, err := f.approvals()
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(list)) {
		if strings.TrimSuffix(line, "\n") == words {
			return true, nil
		}
	}
	return false, nil
}

// Proposal is what the repository's file says now, if it can be meant; nil where
// there is none.
func (f Files) Proposal() ([]byte, error) {
	_, data, err := read(f.Repository, osfs.ReadFile)
	return data, err
}

// Approve remembers that the user approved this content of the repository's file.
func (f Files) Approve(data []byte) error {
	if _, err := parse(f.Repository, data); err != nil {
		return err
	}
	if err := f.keep(data); err != nil {
		return fmt.Errorf("store approval: %w", err)
	}
	return f.list(sum(data) + " " + f.Repository)
}

// kept is where the content with that digest is kept once it is approved.
func (f Files) kept(digest string) string { return filepath.Join(f.Approvals+"-files", digest+".toml") }

// keep stores a content, whole or not at all.
func (f Files) keep(data []byte) error {
	if f.Approvals == "" { // list says so
		return nil
	}
	name := f.kept(sum(data))
	if have, err := osfs.ReadFile(name, maxFile); err == nil && bytes.Equal(have, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	return err
}

// lastApproved is the content that was approved last for this repository; nil where
// there is none. An approval of before contents were kept has none.
func (f Files) lastApproved() ([]byte, error) {
	digest, err := f.last(f.Repository)
	if err != nil || digest == "" {
		return nil, err
	}
	data, err := osfs.ReadFile(f.kept(digest), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read what was approved: %w", err)
	case sum(data) != digest:
		return nil, fmt.Errorf("read what was approved: %s is not what was approved: approve the repository's file again with wt-mcp trust", f.kept(digest))
	}
	return data, nil
}

// last is the newest approval of a place: the digest of what was approved.
func (f Files) last(place string) (digest string, err error) {
	list, err := f.approvals()
	for line := range strings.Lines(string(list)) {
		if first, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && rest == place {
			digest = first
		}
	}
	return digest, err
}

func (f Files) approvals() ([]byte, error) {
	if f.Approvals == "" || !reachable(f.Approvals) {
		return nil, nil
	}
	list, err := osfs.ReadFile(f.Approvals, maxApprovals)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return list, nil
}

// programs is the approval of what git's configuration of the repository names.
func (f Files) programs(digest string) string { return digest + " git:" + filepath.Dir(f.Repository) }

// ProgramsApproved reports whether the user approved the programs with that digest
// (git.Programs) for this repository.
func (f Files) ProgramsApproved(digest string) bool {
	ok, err := f.listed(f.programs(digest))
	return ok && err == nil
}

// ApprovePrograms remembers that the user approved them.
func (f Files) ApprovePrograms(digest string) error { return f.list(f.programs(digest)) }

// list adds an approval, as the newest.
func (f Files) list(words string) error {
	if f.Approvals == "" {
		return errors.New("find a place for the approval: neither XDG_STATE_HOME nor HOME is set")
	}
	if strings.ContainsAny(words, "\r\n") { // it would be another line, and so another approval
		return fmt.Errorf("store approval: the path %q has a line break: move the repository", f.Repository)
	}
	digest, place, _ := strings.Cut(words, " ")
	if last, err := f.last(place); err != nil || last == digest {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Approvals), 0o700); err != nil {
		return fmt.Errorf("store approval: %w", err)
	}
	file, err := osfs.OpenFile(f.Approvals, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("store approval: %w", err)
	}
	_, err = fmt.Fprintf(file, "%s\n", words)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("store approval: %w", err)
	}
	return nil
}
