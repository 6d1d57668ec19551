package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

const (
	indexWait  = 2 * time.Second       // for somebody's lock on an index
	indexRest  = 50 * time.Millisecond // between two moves of a checkout, so that its user gets a turn
	indexOwner = "wt-mcp "             // begins what our lock on an index holds
)

func (mv *moving) indexFile() string { return filepath.Join(mv.admin, "index") }
func (mv *moving) indexLock() string { return filepath.Join(mv.admin, "index.lock") }

// lockIndex takes git's own lock on the index of the checkout. What it holds says whose
// it is, to its end.
func (mv *moving) lockIndex(ctx context.Context) error {
	deadline := time.Now().Add(indexWait)
	for {
		err := mv.createLock()
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if time.Now().After(deadline) {
			return refuse(ErrBusy, mv.indexLock())
		}
		if err := pause(ctx, 5*time.Millisecond, 15*time.Millisecond); err != nil {
			return err
		}
	}
}

// createLock makes the lock file in one step with its content: a git that finds it
// waits for nobody, and a recovery never finds one that says nothing.
func (mv *moving) createLock() error {
	temp := mv.indexLock() + "." + mv.Op
	if err := rewrite(temp, fmt.Sprintf("%s%d %s\n", indexOwner, os.Getpid(), mv.Op)); err != nil {
		return err
	}
	err := osfs.RenameNew(temp, mv.indexLock())
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// ownsLock reports whether the lock on the index is that of the operation.
func ownsLock(admin, op string) bool {
	text, err := readSmall(filepath.Join(admin, "index.lock"))
	return err == nil && strings.HasPrefix(text, indexOwner) && strings.HasSuffix(text, " "+op)
}

func (mv *moving) unlockIndex() error {
	if !ownsLock(mv.admin, mv.Op) { // its user took it away
		return nil
	}
	return os.Remove(mv.indexLock())
}

// giveWay waits until the index has been left alone for a moment: moves that follow
// each other at once would leave none for the user's git.
func (mv *moving) giveWay(ctx context.Context) error {
	info, err := os.Stat(mv.indexFile())
	if err != nil {
		return nil // there need not be one
	}
	if left := indexRest - time.Since(info.ModTime()); left > 0 && left <= indexRest {
		return pause(ctx, left, left+time.Millisecond)
	}
	return nil
}

// copyIndex makes the private copy, which is whole wherever it is there.
func (mv *moving) copyIndex() error {
	if info, err := os.Lstat(mv.indexFile()); err == nil && !info.Mode().IsRegular() {
		return refuse(ErrSpecial, mv.indexFile()+notRegular)
	}
	mv.index = markOf(mv.indexFile())
	mv.discard()
	from, err := os.Open(mv.indexFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(mv.private()+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, mv.index.info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err := sameAge(to.Name(), from); err != nil {
		return err
	}
	return os.Rename(to.Name(), mv.private())
}

// sameAge gives the copy of an index the time of the other: by it git knows which entries
// are as old as the index itself, and so must be compared by content. A copy that is
// younger would hide a change of the same size that was made right after git add.
func sameAge(name string, index *os.File) error {
	info, err := index.Stat()
	if err != nil {
		return err
	}
	return os.Chtimes(name, time.Time{}, info.ModTime())
}

// discard removes the private copy, and what was left of it by who was killed.
func (mv *moving) discard() {
	for _, end := range []string{"", ".new", ".lock"} {
		_ = os.Remove(mv.private() + end)
	}
}

// publish puts the private index in the place of the other.
func (mv *moving) publish() error {
	if mv.index.info != nil {
		_ = os.Chmod(mv.private(), mv.index.info.Mode().Perm())
	}
	return os.Rename(mv.private(), mv.indexFile())
}
