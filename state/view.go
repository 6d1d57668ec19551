package state

import (
	"context"
	"encoding/json"
	"io"
)

// viewTries is how often a reader looks again without the lock before it queues
// with the writers.
const viewTries = 10

// View runs fn on the board as it is at one instant between two changes, and
// changes nothing. It takes no lock unless writers keep changing the board or
// one of them died; so fn may be called more than once, and only the last call
// counts. A change that is committed is seen, even where the files do not have
// it yet because its writer died or the disk is full.
func (s *Store) View(ctx context.Context, fn func(*View) error) error {
	if err := s.guard(); err != nil {
		return err
	}
	for range viewTries {
		m, before, ok := s.readMarker()
		if !(ok && m.Clean) && !(before == "" && s.unborn()) {
			break
		}
		err := fn(&View{store: s})
		if _, after, _ := s.readMarker(); before == after {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return s.viewLocked(ctx, fn)
}

// unborn reports that no store has written this board yet.
func (s *Store) unborn() bool {
	_, err := s.lstat(s.private(journalName))
	return missing(err)
}

func (s *Store) viewLocked(ctx context.Context, fn func(*View) error) error {
	unlock, err := s.lockBoard(ctx)
	switch {
	case err == nil:
		defer unlock()
	case CodeOf(err) != ReadOnly: // where nobody can write, nobody needs to be kept out
		return err
	}
	v := &View{store: s}
	if m, _, ok := s.readMarker(); !(ok && m.Clean) {
		if v.over, v.lines, err = s.pending(m, ok); err != nil {
			return err
		}
	}
	return fn(v)
}

// pending is what the journal has committed and the files lack.
func (s *Store) pending(m marker, sameBoot bool) (map[string]*string, []json.RawMessage, error) {
	f, err := s.fs.Open(s.private(journalName))
	if missing(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	p, ok, err := journal{file: f}.read()
	if err != nil || !ok {
		return nil, nil, err
	}
	todo, err := s.plan(p, replayFrom(m, sameBoot, p))
	if err != nil {
		return nil, nil, err
	}
	over := map[string]*string{}
	for _, w := range todo.writes {
		over[w.Path] = w.After
	}
	last, err := (&View{store: s}).lastSeq()
	var lines []json.RawMessage
	for _, line := range todo.events {
		if e, ok := parseEvent(line); ok && e.Seq > last {
			lines = append(lines, line)
		}
	}
	return over, lines, err
}

// read parses the journal as it is on disk.
func (j journal) read() (position, bool, error) {
	data, err := io.ReadAll(io.NewSectionReader(j.file, 0, 1<<30))
	if err != nil {
		return position{}, false, err
	}
	p, ok := parseJournal(data)
	return p, ok, nil
}
