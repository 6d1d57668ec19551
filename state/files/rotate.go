package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/afero"

	"wt-mcp/state"
)

// logCapacity is the size beyond which an event log is put aside, as
// events-<first sequence number in it>.jsonl, and a new one begun. A file system
// without hard links keeps one log.
const logCapacity = 16 << 20

// continuation says where a log goes on: after which event, and in which file of
// the same directory that one is.
type continuation struct {
	AfterSeq int64  `json:"after_seq"`
	File     string `json:"file"`
}

// logContinues is the first line of a log that goes on from another. It has no
// sequence number.
const logContinues state.EventName = "events.continued"

// continues reports whether the event, which is that line, is such a first one.
func continues(e state.Event) (c continuation, ok bool) {
	if e.Event != logContinues || e.Seq != 0 {
		return continuation{}, false
	}
	err := json.Unmarshal(e.Raw(), &c)
	return c, err == nil && c.AfterSeq > 0
}

// continuationOf reads the first line of a log; it is zero where the log goes on
// from no other.
func continuationOf(f afero.File) (c continuation, err error) {
	head, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<10))
	if err != nil {
		return c, err
	}
	line, _, whole := bytes.Cut(head, []byte("\n"))
	if e, ok := state.ParseEvent(line); ok && whole {
		c, _ = continues(e)
	}
	return c, nil
}

// flushedLog notes in the header of the journal that the log, as it is now, is flushed.
func (s *Store) flushedLog(h *header) error {
	f, err := s.openFile(s.abs(state.EventsFile))
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open event log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read event log: %w", err)
	}
	c, err := continuationOf(f)
	h.Events, h.After = info.Size(), c.AfterSeq
	return err
}

// linker is a file system that can give a file a second name.
type linker interface{ Link(from, to string) error }

// link gives a file a second name.
func (s *Store) link(from, to string) error {
	if l, ok := s.fs.(linker); ok {
		return l.Link(from, to)
	}
	return errors.ErrUnsupported
}

// rotateLog puts a log that has grown too large aside and begins a new one, which
// says where it goes on. The log is flushed, last is the newest sequence number,
// and the caller has the board's lock. There is a log under its name at any
// instant: the old one gets its second name first, durably, and then the new one
// takes its place. Where that cannot be done the log goes on growing; the error is
// that of a flush.
func (s *Store) rotateLog(last int64) error {
	log := s.abs(state.EventsFile)
	info, err := s.lstat(log)
	if err != nil || info.Size() <= s.logLimit || last == 0 {
		return nil
	}
	next, err := s.stageLog(log, last)
	if err != nil {
		s.unstage([]string{tempName(log)})
		return nil
	}
	if s.place(next) != nil {
		return nil
	}
	return s.syncDir(filepath.Dir(log))
}

// stageLog gives the log its second name and writes the one that follows beside it.
func (s *Store) stageLog(log string, last int64) (next state.Write, err error) {
	first, err := s.firstSeq(log)
	if err != nil {
		return next, err
	}
	c := continuation{AfterSeq: last, File: fmt.Sprintf("events-%d.jsonl", first)}
	line, err := state.Encode(struct {
		Event    state.EventName `json:"event"`
		TS       float64         `json:"ts"`
		Task     state.Fields    `json:"task"`
		Worktree state.Fields    `json:"worktree"`
		continuation
	}{logContinues, s.Now(), state.Fields{}, state.Fields{}, c})
	if err != nil {
		return next, err
	}
	if err := s.keepLog(log, filepath.Join(filepath.Dir(log), c.File)); err != nil {
		return next, err
	}
	text := string(line) + "\n"
	if err := s.writeNew(tempName(log), []byte(text)); err != nil {
		return next, err
	}
	return state.Write{Path: state.EventsFile, After: &text}, s.syncFile(tempName(log))
}

// keepLog gives the log a second name, durably. What has that name is a leftover
// of a process that died here: the log itself, or one that was mended since, which
// is kept elsewhere.
func (s *Store) keepLog(log, name string) error {
	err := s.link(log, name)
	if errors.Is(err, os.ErrExist) && !s.sameFile(log, name) {
		kept := s.private(asideName, fmt.Sprintf("%d-%s", s.now().UnixNano(), filepath.Base(name)))
		if err := errors.Join(s.fs.MkdirAll(filepath.Dir(kept), 0o755), s.fs.Rename(name, kept)); err != nil {
			return err
		}
		err = s.link(log, name)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.syncDir(filepath.Dir(name))
}

// unlinkKept takes away the second name that a process which died in keepLog left
// to the log, which is not written to while it has two.
func (s *Store) unlinkKept() (done bool) {
	names, _ := s.names(s.abs(state.WorktreesDir))
	for _, name := range names {
		kept := s.abs(state.WorktreesDir + "/" + name)
		if state.IsOldLog(name) && s.sameFile(s.abs(state.EventsFile), kept) {
			done = s.fs.Remove(kept) == nil
		}
	}
	return done
}

func (s *Store) sameFile(a, b string) bool {
	one, err1 := s.lstat(a)
	two, err2 := s.lstat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}

// firstSeq is the first sequence number of a log; 0 where it has none.
func (s *Store) firstSeq(log string) (int64, error) {
	f, err := s.openFile(log)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxTail))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		e, _ := state.ParseEvent(bytes.TrimSpace(lines.Bytes()))
		if c, ok := continues(e); ok {
			return c.AfterSeq + 1, nil
		}
		if e.Seq > 0 {
			return e.Seq, nil
		}
	}
	return 0, nil
}
