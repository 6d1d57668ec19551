package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crypto/rand"

	"wt-mcp/state/osfs"
	"wt-mcp/state/osfs/flock"
)

// A ticket is a file by which other processes see an item. It is locked as long as the
// process of the item lives, and its name says how the item stands:
//
//	<number>.wait    it waits, and may be withdrawn
//	<number>.taken   who had the turn took it, and has not settled it yet
//	<number>.out     what became of it, for the process of the item to read
//
// Numbers sort by the time at which the items came.
const (
	waitSuffix  = ".wait"
	takenSuffix = ".taken"
	outSuffix   = ".out"
	newSuffix   = ".new"
	turnName    = "turn"
)

// maxTicket bounds what is read of one.
const maxTicket = 1 << 20

type ticket struct {
	dir    func() (*osfs.Dir, error)
	number string
	lock   *os.File
}

// hold opens the directory of the line, through no link.
func (l *Line[I, O]) hold() (*osfs.Dir, error) {
	top := filepath.Dir(filepath.Dir(l.dir))
	above, err := osfs.Open(filepath.Dir(top))
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	defer above.Close()
	name := filepath.ToSlash(l.dir[len(filepath.Dir(top))+1:])
	dir, err := above.Sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = above.MkdirAll(name, 0o700, l.sharing); err == nil {
			dir, err = above.Sub(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", l.dir, err)
	}
	return dir, nil
}

var errTaken = errors.New("somebody has the turn")

// take takes the turn, if nobody has it.
func (l *Line[I, O]) take() (end func(), err error) {
	dir, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(turnName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open turn of queue: %w", err)
	}
	_ = l.sharing.AdjustPrivate(f)
	if err = flock.TryLock(f); err == nil {
		return func() { _ = flock.Unlock(f); f.Close() }, nil
	}
	f.Close()
	if errors.Is(err, flock.ErrHeld) {
		return nil, errTaken
	}
	return nil, fmt.Errorf("take turn of queue: %w", err)
}

// publish gives an item a ticket.
func (l *Line[I, O]) publish(it *Item[I, O]) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.file != nil || it.ended || it.withdrawn {
		return nil
	}
	data, err := json.Marshal(it.In)
	if err != nil {
		return fmt.Errorf("write ticket: %w", err)
	}
	dir, err := l.hold()
	if err != nil {
		return err
	}
	defer dir.Close()
	number := fmt.Sprintf("%020d-%s", time.Now().UnixNano(), rand.Text()[:8])
	f, err := dir.OpenFile(number+newSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write ticket: %w", err)
	}
	_ = l.sharing.AdjustPrivate(f)
	_, err = f.Write(data)
	if err == nil {
		err = flock.TryLock(f)
	}
	if err == nil {
		err = dir.Rename(number+newSuffix, number+waitSuffix)
	}
	if err != nil {
		_ = dir.Remove(number + newSuffix)
		f.Close()
		return fmt.Errorf("write ticket: %w", err)
	}
	it.file = &ticket{dir: l.hold, number: number, lock: f}
	return nil
}

// collect ends the items of this process that others settled, and reports whether
// there were any. It finds those that others took.
func (l *Line[I, O]) collect(mine []*Item[I, O]) (some bool, err error) {
	names, err := l.names()
	if err != nil {
		return false, err
	}
	for _, it := range mine {
		it.mu.Lock()
		file := it.file
		if file != nil && slices.Contains(names[takenSuffix], file.number) {
			it.Again = true
		}
		it.mu.Unlock()
		if file == nil || !slices.Contains(names[outSuffix], file.number) {
			continue
		}
		var out O
		if err := file.outcome(&out); err != nil {
			it.end(out, err)
		} else {
			it.end(out, nil)
		}
		some = true
	}
	return some, nil
}

// names lists the tickets by how they stand.
func (l *Line[I, O]) names() (map[string][]string, error) {
	dir, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	list, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("list queue: %w", err)
	}
	defer list.Close()
	all, err := list.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list queue: %w", err)
	}
	slices.Sort(all)
	names := map[string][]string{}
	for _, name := range all {
		suffix := filepath.Ext(name)
		names[suffix] = append(names[suffix], strings.TrimSuffix(name, suffix))
	}
	return names, nil
}

// others are the items of other processes, for who has the turn. Tickets whose process
// died are removed.
func (l *Line[I, O]) others(mine []*Item[I, O]) (items []*Item[I, O], err error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, it := range mine {
		if it.file != nil {
			own[it.file.number] = true
		}
	}
	for _, suffix := range []string{waitSuffix, takenSuffix, outSuffix, newSuffix} {
		for _, number := range names[suffix] {
			if own[number] {
				continue
			}
			if it := l.foreign(number, suffix); it != nil {
				items = append(items, it)
			}
		}
	}
	slices.SortFunc(items, func(a, b *Item[I, O]) int { return strings.Compare(a.file.number, b.file.number) })
	return items, nil
}

// foreign reads a ticket of another process; nil where there is nothing to do for it.
func (l *Line[I, O]) foreign(number, suffix string) *Item[I, O] {
	dir, err := l.hold()
	if err != nil {
		return nil
	}
	defer dir.Close()
	f, err := dir.OpenFile(number+suffix, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	t := &ticket{dir: l.hold, number: number, lock: f}
	it := &Item[I, O]{foreign: true, Again: suffix == takenSuffix, taken: suffix == takenSuffix, file: t}
	data, err := osfs.ReadUpTo(f, maxTicket)
	switch {
	case !t.alive() && time.Since(birth(f)) > newTime:
		_ = dir.Remove(number + suffix)
	case suffix != waitSuffix && suffix != takenSuffix:
	case !t.alive() || err != nil || json.Unmarshal(data, &it.In) != nil:
	default:
		return it
	}
	t.close()
	return nil
}

// newTime is what a ticket has to be locked, or to be read once it is settled.
const newTime = time.Minute

func birth(f *os.File) time.Time {
	info, err := f.Stat()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}
