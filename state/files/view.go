package files

import (
	"bytes"
	"context"
	"fmt"

	"wt-mcp/state"
)

// viewTries is how often a reader looks again without the lock before it queues
// with the writers.
const viewTries = 10

// View runs fn on the board as it is at one instant between two changes, and
// changes nothing. It takes no lock unless writers keep changing the board or
// one of them died; so fn may be called more than once, and only the last call
// counts. A change that is committed is seen, even where the files do not have
// it yet because its writer died or the disk is full.
func (s *Store) View(ctx context.Context, fn func(*state.View) error) error {
	if err := s.admit(ctx); err != nil {
		return err
	}
	return againIfTorn(func() error { return s.view(ctx, fn) })
}

func (s *Store) view(ctx context.Context, fn func(*state.View) error) error {
	if err := s.guard(); err != nil {
		return err
	}
	for range viewTries {
		m, before, ok := s.readMarker()
		if !(ok && m.Clean) && !(before == "" && s.unborn()) {
			break
		}
		at := &instant{store: s}
		if ok {
			at.seq = &m.Seq
		}
		err := fn(state.NewView(at))
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

func (s *Store) viewLocked(ctx context.Context, fn func(*state.View) error) error {
	unlock, err := s.lockBoard(ctx)
	switch {
	case err == nil:
		defer unlock()
	case state.CodeOf(err) != state.ReadOnly: // where nobody can write, nobody needs to be kept out
		return err
	}
	at := &instant{store: s}
	if m, _, ok := s.readMarker(); !(ok && m.Clean) {
		if err := at.catchUp(m, ok); err != nil {
			return err
		}
	}
	return fn(state.NewView(at))
}

// catchUp lays what the journal has committed over what the files have.
func (i *instant) catchUp(m marker, sameBoot bool) error {
	p, ok, err := i.store.journalNow()
	if err != nil || !ok {
		return err
	}
	todo, err := i.store.plan(p, replayFrom(m, sameBoot, p))
	if err != nil {
		return err
	}
	i.over = map[string]*string{}
	for _, w := range todo.writes {
		i.over[w.Path] = w.After
	}
	end, err := i.store.eventsEnd(p.header, todo.events)
	i.logSize, i.lines = &end.flushed, splitLines(end.mended)
	return err
}

func splitLines(data []byte) [][]byte {
	if len(data) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// read parses the journal as it is on disk.
func (j journal) read() (position, bool, error) {
	data, err := readFrom(j.file, 0)
	if err != nil {
		return position{}, false, fmt.Errorf("read journal: %w", err)
	}
	p, ok := parseJournal(data)
	return p, ok, nil
}
