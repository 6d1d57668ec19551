package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replay is what recovery has to do to bring the files to where the journal is.
type replay struct {
	writes    []write
	events    []json.RawMessage
	conflicts []write // ours that give way to a file that another program wrote since
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

// plan compares the files with the records from the given offset on. It changes nothing.
func (s *Store) plan(p position, from int64) (replay, error) {
	var todo replay
	last := map[string]write{}
	known := map[string]map[string]bool{}
	var order []string
	for i, r := range p.Records {
		for _, w := range r.Writes {
			if known[w.Path] == nil {
				known[w.Path] = map[string]bool{}
			}
			known[w.Path][w.Before] = true
			known[w.Path][afterHash(w)] = true
			if p.Offsets[i] < from {
				continue
			}
			if _, seen := last[w.Path]; !seen {
				order = append(order, w.Path)
			}
			last[w.Path] = w
		}
		if p.Offsets[i] >= from {
			todo.events = append(todo.events, r.Events...)
		}
	}
	for _, path := range order {
		if err := s.planFile(&todo, last[path], known[path]); err != nil {
			return todo, err
		}
	}
	return todo, nil
}

func (s *Store) planFile(todo *replay, w write, known map[string]bool) error {
	if !filepath.IsLocal(filepath.FromSlash(w.Path)) {
		return fmt.Errorf("journal names %q", w.Path)
	}
	current, err := s.readFile(s.abs(w.Path), maxIndexFile)
	if err != nil && !missing(err) {
		return fmt.Errorf("recover %s: %w", w.Path, err)
	}
	now := hashOf(current, err == nil)
	switch {
	case now == afterHash(w):
	case known[now] || now == "" || len(current) == 0:
		todo.writes = append(todo.writes, w)
	case json.Valid(current):
		todo.conflicts = append(todo.conflicts, w)
	default:
		todo.writes = append(todo.writes, w)
		todo.unsound = append(todo.unsound, w.Path)
	}
	return nil
}

func afterHash(w write) string {
	if w.After == nil {
		return ""
	}
	return hashOf([]byte(*w.After), true)
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
	if !sameBoot || m.End > journalCapacity*3/4 {
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
	v := &View{store: s}
	seq, next := p.last()
	logged, err1 := v.lastSeq()
	ids, err2 := v.taskIDs()
	if n := len(ids); n > 0 {
		next = max(next, ids[n-1]+1)
	}
	return marker{Clean: true, Gen: p.Gen, End: p.End, Applied: p.End,
		Seq: max(seq, logged), NextID: max(next, 1)}, errors.Join(err1, err2)
}

// tell commits the events of a recovery, if there are any.
func (s *Store) tell(m marker, events []Event) (marker, error) {
	if len(events) == 0 {
		return m, nil
	}
	tx := s.newTx(m)
	for _, e := range events {
		tx.Emit(e)
	}
	return s.commit(m, tx)
}

// readOrRenewJournal opens the journal for writing. One that has no sound header
// is kept aside and a new one begun.
func (s *Store) readOrRenewJournal() (told []Event, p position, err error) {
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
		told = []Event{{Event: "recovery.journal", Error: "the journal had no sound header", Detail: Fields{"kept": kept}}}
	} else if !missing(err) {
		return nil, p, err
	}
	p, err = s.createJournal(name)
	return told, p, err
}

func (s *Store) openJournal() error {
	if s.journal.file != nil {
		_ = s.journal.file.Close()
		s.journal.file = nil
	}
	f, err := s.fs.OpenFile(s.private(journalName), os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	s.journal = journal{file: f, sync: s.sync}
	return nil
}

func (s *Store) createJournal(name string) (position, error) {
	logSize := int64(0)
	if info, err := s.lstat(s.abs(EventsFile)); err == nil {
		logSize = info.Size()
	}
	h := header{Gen: 1, NextID: 1, Events: logSize}
	data, err := newJournal(h)
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
func (s *Store) replay(p position, from int64) ([]Event, error) {
	todo, err := s.plan(p, from)
	if err != nil {
		return nil, err
	}
	var told []Event
	for _, path := range todo.unsound {
		data, err := s.readFile(s.abs(path), maxIndexFile)
		if err != nil {
			return nil, err
		}
		kept, err := s.setAside(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		told = append(told, Event{Event: "recovery.unreadable", Detail: Fields{"file": path, "kept": kept}})
	}
	for _, w := range todo.conflicts {
		kept, err := s.setAside(filepath.Base(w.Path), []byte(deref(w.After)))
		if err != nil {
			return nil, err
		}
		told = append(told, Event{Event: "recovery.conflict", Detail: Fields{"file": w.Path, "ours": kept}})
	}
	if _, err := s.stage(todo.writes); err != nil {
		return nil, err
	}
	for _, w := range todo.writes {
		if err := s.place(w); err != nil {
			return nil, err
		}
	}
	return told, s.repairEvents(p.Events, todo.events)
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// repairEvents makes the log hold every expected line, once and in order, and
// end in a newline. Up to the offset flushed the log is known to be whole. Only
// an unterminated last line that is no event is cut; its bytes are kept aside.
func (s *Store) repairEvents(flushed int64, expected []json.RawMessage) error {
	data, err := s.readFile(s.abs(EventsFile), 1<<40)
	if err != nil && !missing(err) {
		return fmt.Errorf("read event log: %w", err)
	}
	if flushed > int64(len(data)) || (flushed > 0 && data[flushed-1] != '\n') {
		flushed = 0
	}
	tail, cut := mergeEvents(data[flushed:], expected)
	if len(cut) > 0 && !prefixOfAny(cut, expected) {
		if _, err := s.setAside("events.jsonl", cut); err != nil {
			return err
		}
	}
	if rest, ok := bytes.CutPrefix(tail, data[flushed:]); ok {
		if len(rest) == 0 {
			return nil
		}
		return s.appendRaw(rest)
	}
	after := string(data[:flushed]) + string(tail)
	w := write{Path: EventsFile, After: &after}
	if _, err := s.stage([]write{w}); err != nil {
		return err
	}
	return s.place(w)
}

func (s *Store) appendRaw(data []byte) error {
	name := s.abs(EventsFile)
	if err := s.fs.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := s.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func prefixOfAny(cut []byte, lines []json.RawMessage) bool {
	for _, line := range lines {
		if bytes.HasPrefix(line, cut) {
			return true
		}
	}
	return false
}

// mergeEvents returns the end of a log with the expected lines in it, each once
// and in the order of their numbers; other lines stay where they are. cut is an
// unterminated end that is no event. Zeros, which a power cut can leave in place
// of data, are dropped.
func mergeEvents(tail []byte, expected []json.RawMessage) (merged, cut []byte) {
	type numbered struct {
		seq  int64
		line []byte
	}
	var todo []numbered
	for _, line := range expected {
		if e, ok := parseEvent(line); ok {
			todo = append(todo, numbered{e.Seq, line})
		}
	}
	emit := func(line []byte) { merged = append(append(merged, line...), '\n') }
	for len(tail) > 0 {
		line, rest, ended := bytes.Cut(tail, []byte("\n"))
		tail = rest
		clean := bytes.Trim(line, "\x00")
		e, ok := parseEvent(clean)
		if !ok && !ended {
			cut = clean
			break
		}
		if len(clean) == 0 && len(line) > 0 {
			continue
		}
		for ok && e.Seq > 0 && len(todo) > 0 && todo[0].seq <= e.Seq {
			if todo[0].seq < e.Seq {
				emit(todo[0].line)
			}
			todo = todo[1:]
		}
		emit(clean)
	}
	for _, n := range todo {
		emit(n.line)
	}
	return merged, cut
}
