package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"wt-mcp/state"
)

// lateRecords is how many records a checkpoint flushes while it holds the lock;
// more than that it flushes before.
const lateRecords = 4

// startCheckpoint begins a checkpoint in the background unless one is going on.
func (s *Store) startCheckpoint() {
	if !s.checkpoint.TryLock() {
		return
	}
	s.checkpoints.Add(1)
	s.spawn(func() {
		defer s.checkpoints.Done()
		defer s.checkpoint.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.Checkpoint(ctx) // the journal goes on growing; a change that finds it full reports why
	})
}

// Checkpoint flushes every file that the journal has changed and begins a new
// generation of it. The board's lock is held only for the last few of them.
func (s *Store) Checkpoint(ctx context.Context) error {
	for done := (flushedTo{}); ; {
		p, _, err := s.journalNow()
		if err != nil {
			return err
		}
		if p.since(done.in(p)) <= lateRecords {
			return s.finishCheckpoint(ctx, done)
		}
		if err := s.flushFiles(p, done.in(p)); err != nil {
			return err
		}
		done = flushedTo{gen: p.Gen, offset: p.End}
	}
}

// flushedTo says up to where the files of a generation are flushed.
type flushedTo struct{ gen, offset int64 }

func (d flushedTo) in(p position) int64 {
	if d.gen != p.Gen {
		return 0
	}
	return d.offset
}

// since counts the records from the given offset on.
func (p position) since(offset int64) (n int) {
	for _, at := range p.Offsets {
		if at >= offset {
			n++
		}
	}
	return n
}

// journalNow reads the journal beside its writers; what one of them is just
// writing is left out. ok is false where there is none that can be read.
func (s *Store) journalNow() (p position, ok bool, err error) {
	f, err := s.openFile(s.private(journalName))
	if missing(err) {
		return p, false, nil
	}
	if err != nil {
		return p, false, s.unreadable(fmt.Errorf("open journal: %w", err))
	}
	defer f.Close()
	return journal{file: f}.read()
}

// flushFiles makes durable what the records from the given offset on changed.
func (s *Store) flushFiles(p position, from int64) error {
	files := map[string]bool{s.abs(state.EventsFile): true}
	dirs := map[string]bool{s.abs(state.WorktreesDir): true}
	for i, r := range p.Records {
		for _, w := range r.Writes {
			if p.Offsets[i] >= from {
				files[s.abs(w.Path)] = true
				dirs[filepath.Dir(s.abs(w.Path))] = true
			}
		}
	}
	var errs []error
	for name := range files {
		errs = append(errs, s.syncFile(name))
	}
	for name := range dirs {
		errs = append(errs, s.syncDir(name))
	}
	return errors.Join(errs...)
}

func (s *Store) finishCheckpoint(ctx context.Context, done flushedTo) error {
	unlock, err := s.lockBoard(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if s.broken != nil {
		return s.broken
	}
	m, err := s.settle()
	if err != nil || m.End == journalStart {
		return err
	}
	p, _, err := s.journalNow()
	if err != nil {
		return err
	}
	dirty := m
	dirty.Clean, dirty.Holder, dirty.Since = false, s.holder, s.Now()
	if err := s.writeMarker(dirty); err != nil {
		return err
	}
	if m, err = s.advance(m, p, done.in(p)); err != nil {
		return err
	}
	return s.writeMarker(m)
}

// advance flushes what the records from the given offset on changed, and begins
// the next generation of the journal.
func (s *Store) advance(m marker, p position, from int64) (marker, error) {
	if err := s.flushFiles(p, from); err != nil {
		return m, fmt.Errorf("flush files: %w", err)
	}
	if err := s.rotateLog(m.Seq); err != nil {
		return m, fmt.Errorf("begin a new event log: %w", err)
	}
	h := header{Gen: p.Gen + 1, Seq: m.Seq, NextID: m.NextID}
	if err := s.flushedLog(&h); err != nil {
		return m, err
	}
	if err := s.journal.begin(h); err != nil {
		return m, err
	}
	m.Gen, m.End, m.Applied = h.Gen, journalStart, journalStart
	return m, nil
}
