package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"wt-mcp/state"
)

// replay is what recovery has to do to bring the files to where the journal is.
type replay struct {
	writes    []state.Write
	events    []json.RawMessage
	conflicts []state.Write // ours that give way to a file that another program wrote since
	unsound   []string
}

// replayFrom is the offset of the first record that may not be in the files. A
// marker of this boot knows; after a power cut everything since the last
// checkpoint may be missing.
func replayFrom(m marker, sameBoot bool, p position) int64 {
	if sameBoot && m.Gen == p.Gen && m.Applied >= journalStart {
		return m.Applied
	}
	return journalStart
}

// history is what the journal knows of one file.
type history struct {
	path   string
	last   *state.Write    // newest change that may be missing; nil: none
	hashes map[string]bool // of every content that it had
	images []string        // contents that we gave it
}

// plan compares the files with the records from the given offset on. It changes nothing.
func (s *Store) plan(p position, from int64) (todo replay, err error) {
	files := map[string]*history{}
	var order []*history
	for i, r := range p.Records {
		for _, w := range r.Writes {
			h := files[w.Path]
			if h == nil {
				h = &history{path: w.Path, hashes: map[string]bool{}}
				files[w.Path], order = h, append(order, h)
			}
			h.add(w, p.Offsets[i] >= from)
		}
		if p.Offsets[i] >= from {
			todo.events = append(todo.events, r.Events...)
		}
	}
	for _, h := range order {
		if h.last != nil {
			err = errors.Join(err, s.planFile(&todo, h))
		}
	}
	return todo, err
}

func (h *history) add(w state.Write, mayBeMissing bool) {
	h.hashes[w.Before], h.hashes[afterHash(w)] = true, true
	if w.After != nil {
		h.images = append(h.images, *w.After)
	}
	if mayBeMissing {
		h.last = &w
	}
}

func (s *Store) planFile(todo *replay, h *history) error {
	if !filepath.IsLocal(filepath.FromSlash(h.path)) {
		return fmt.Errorf("journal names %q", h.path)
	}
	current, err := s.readFile(s.abs(h.path), state.MaxValue)
	if err != nil && !missing(err) {
		return fmt.Errorf("recover %s: %w", h.path, err)
	}
	now := state.Hash(current, err == nil)
	switch {
	case now == afterHash(*h.last):
	case h.hashes[now] || h.tore(current):
		todo.writes = append(todo.writes, *h.last)
	case json.Valid(bytes.TrimPrefix(current, []byte("\xef\xbb\xbf"))):
		todo.conflicts = append(todo.conflicts, *h.last)
	default:
		todo.writes = append(todo.writes, *h.last)
		todo.unsound = append(todo.unsound, h.path)
	}
	return nil
}

// tore reports whether a power cut can have left this of what we wrote: no file,
// or the beginning of a content, followed by zeros if by anything.
func (h *history) tore(current []byte) bool {
	current = bytes.TrimRight(current, "\x00")
	for _, image := range h.images {
		if bytes.HasPrefix([]byte(image), current) {
			return true
		}
	}
	return len(current) == 0
}

func afterHash(w state.Write) string {
	if w.After == nil {
		return ""
	}
	return state.Hash([]byte(*w.After), true)
}

// recover finishes what dead holders of the lock left, and opens the journal.
// It may be killed at any point and run again. What cannot be read is kept aside.
func (s *Store) recover(m marker, sameBoot bool) (marker, error) {
	m.Clean, m.Holder, m.Since = false, s.holder, s.Now()
	if !sameBoot {
		m.Gen, m.Applied = 0, 0
	}
	if err := s.makeDir(s.priv); err != nil {
		return m, s.unwritable(err)
	}
	if err := s.writeMarker(m); err != nil {
		return m, s.unwritable(err)
	}
	told, p, err := s.readOrRenewJournal()
	if err != nil {
		return m, s.unwritable(err)
	}
	redone, err := s.replay(p, replayFrom(m, sameBoot, p))
	if err != nil {
		return m, s.unwritable(err)
	}
	m, err = s.recovered(p)
	if err != nil {
		return m, s.unwritable(err)
	}
	if !sameBoot || m.End > s.capacity*3/4 {
		if m, err = s.advance(m, p, 0); err != nil {
			return m, s.unwritable(err)
		}
	}
	if err := s.writeMarker(m); err != nil {
		return m, s.unwritable(err)
	}
	return s.tell(m, append(told, redone...))
}

// recovered is the marker of a board whose files are where the journal is.
func (s *Store) recovered(p position) (marker, error) {
	seq, next := p.last()
	logged, err1 := (&instant{store: s}).lastSeq()
	names, err2 := s.names(s.abs(state.TasksDir))
	if err2 != nil {
		err2 = fmt.Errorf("list tasks: %w", err2)
	}
	return marker{Clean: true, Gen: p.Gen, End: p.End, Applied: p.End,
		Seq: max(seq, logged), NextID: max(next, state.HighestTask(names)+1)}, errors.Join(err1, err2)
}

// tell commits the events of a recovery, if there are any.
func (s *Store) tell(m marker, events []state.Event) (marker, error) {
	return s.decide(m, func(tx *state.Tx) error {
		for _, e := range events {
			tx.Emit(e)
		}
		return nil
	})
}

// readOrRenewJournal opens the journal for writing. One that has no sound header
// is kept aside and a new one begun.
func (s *Store) readOrRenewJournal() (told []state.Event, p position, err error) {
	name := s.private(journalName)
	err = s.openJournal()
	if err == nil {
		var ok bool
		if p, ok, err = s.journal.read(); err != nil || ok {
			return nil, p, err
		}
		kept := s.private(asideName, fmt.Sprintf("%d-%s", s.now().UnixNano(), journalName))
		if err := errors.Join(s.fs.MkdirAll(filepath.Dir(kept), 0o755), s.fs.Rename(name, kept)); err != nil {
			return nil, p, err
		}
		told = []state.Event{{Event: state.RecoveryJournal, Error: "the journal had no sound header", Detail: state.Fields{"kept": kept}}}
	} else if !missing(err) {
		return nil, p, err
	}
	p, err = s.createJournal(name)
	return told, p, err
}

func (s *Store) openJournal() error {
	f, err := s.reopen(s.private(journalName), 0)
	s.journal = journal{file: f, sync: s.sync}
	return err
}

func (s *Store) createJournal(name string) (position, error) {
	h := header{Gen: 1, NextID: 1}
	if err := s.flushedLog(&h); err != nil {
		return position{}, err
	}
	data, err := newJournal(h, s.capacity)
	if err != nil {
		return position{}, err
	}
	if err := s.writeNew(tempName(name), data); err != nil {
		return position{}, err
	}
	err = errors.Join(s.syncFile(tempName(name)), s.fs.Rename(tempName(name), name), s.syncDir(s.priv), s.openJournal())
	return position{header: h, End: journalStart}, err
}

// replay brings the files to where the journal is.
func (s *Store) replay(p position, from int64) ([]state.Event, error) {
	todo, err := s.plan(p, from)
	if err != nil {
		return nil, err
	}
	var told []state.Event
	for _, path := range todo.unsound {
		data, err := s.readFile(s.abs(path), state.MaxValue)
		if err != nil {
			return nil, err
		}
		kept, err := s.setAside(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		told = append(told, state.Event{Event: state.RecoveryUnreadable, Detail: state.Fields{"file": path, "kept": kept}})
	}
	for _, w := range todo.conflicts {
		kept, err := s.setAside(filepath.Base(w.Path), []byte(deref(w.After)))
		if err != nil {
			return nil, err
		}
		told = append(told, state.Event{Event: state.RecoveryConflict, Detail: state.Fields{"file": w.Path, "ours": kept}})
	}
	if _, err := s.stage(todo.writes); err != nil {
		return nil, err
	}
	for _, w := range todo.writes {
		if err := s.place(w); err != nil {
			return nil, err
		}
	}
	return told, s.repairEvents(p.header, todo.events)
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
