package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"slices"

	"github.com/spf13/afero"

	"wt-mcp/state"
)

// appendEvents adds lines to the log in one write. A line that someone left
// without its newline is ended first.
func (s *Store) appendEvents(lines []json.RawMessage) error {
	if len(lines) == 0 {
		return nil
	}
	f, err := s.openLog()
	if err != nil {
		return fmt.Errorf("open event log: %w", err)
	}
	data, err := s.eventBytes(f, lines)
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// openLog opens the event log for appending, and makes it if need be.
func (s *Store) openLog() (afero.File, error) {
	f, err := s.reopen(s.abs(state.EventsFile), os.O_CREATE|os.O_APPEND)
	if err != nil && !missing(err) && s.unlinkKept() {
		f, err = s.reopen(s.abs(state.EventsFile), os.O_CREATE|os.O_APPEND)
	}
	if missing(err) {
		if err = s.makeDir(s.abs(state.WorktreesDir)); err == nil {
			f, err = s.reopen(s.abs(state.EventsFile), os.O_CREATE|os.O_APPEND)
		}
	}
	return f, err
}

func (s *Store) eventBytes(f afero.File, lines []json.RawMessage) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var data []byte
	if last := make([]byte, 1); info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return nil, err
		}
		if last[0] != '\n' {
			data = append(data, '\n')
		}
	}
	for _, line := range lines {
		data = append(append(data, line...), '\n')
	}
	return data, nil
}

// ReadLog reads the log from its end.
func (i *instant) ReadLog(q state.EventQuery) (p state.LogPage, err error) {
	if p.LastSeq, err = i.lastSeq(); err != nil {
		return p, err
	}
	if q.Match == nil {
		q.Match = func(state.Event) bool { return true }
	}
	r := logReader{query: q, oldest: p.LastSeq + 1}
	err = i.backwards(maxTail, r.take)
	far := errors.Is(err, errFar)
	if far {
		r.file = path.Base(state.EventsFile)
	} else if err != nil {
		return p, err
	}
	newest := r.newest
	if len(newest) > q.Limit {
		newest = newest[len(newest)-q.Limit:]
	}
	p.Events = make([]state.Event, 0, len(newest))
	for _, e := range slices.Backward(newest) {
		p.Events = append(p.Events, e)
	}
	if far && q.After == nil {
		p.Missed = &state.Missed{From: 1, To: r.oldest - 1, File: r.file}
	}
	if q.After != nil && r.oldest > *q.After+1 {
		p.Missed = &state.Missed{From: *q.After + 1, To: r.oldest - 1, File: r.file}
	}
	return p, nil
}

// logReader collects what a query asks for, the newest first.
type logReader struct {
	query  state.EventQuery
	newest []state.Event
	oldest int64  // lowest sequence number so far
	file   string // has the events before it
}

// take reports whether older lines are wanted.
func (r *logReader) take(line []byte) bool {
	e, ok := state.ParseEvent(line)
	if !ok {
		e = state.Unreadable(line)
	}
	if c, ok := continues(e); ok {
		r.file = c.File
		return false
	}
	if e.Seq > 0 {
		r.oldest = min(r.oldest, e.Seq)
	}
	if r.query.After == nil {
		if r.query.Match(e) {
			r.newest = append(r.newest, e)
		}
		return len(r.newest) < r.query.Limit
	}
	if e.Seq > 0 && e.Seq <= *r.query.After {
		return false
	}
	if e.Seq > 0 && r.query.Match(e) {
		r.newest = append(r.newest, e)
	}
	return true
}

func (i *instant) lastSeq() (last int64, err error) {
	err = i.backwards(math.MaxInt64, func(line []byte) bool {
		e, ok := state.ParseEvent(line)
		if c, continues := continues(e); continues {
			e.Seq = c.AfterSeq
		}
		if ok && e.Seq > 0 {
			last = e.Seq
			return false
		}
		return true
	})
	return last, err
}

// backwards calls take with each line, the newest first, until it returns false.
// It does not read much more than the last bytes of the log that limit says.
func (i *instant) backwards(limit int64, take func(line []byte) bool) error {
	for _, line := range slices.Backward(i.lines) {
		if !take(line) {
			return nil
		}
	}
	f, err := i.store.openFile(i.store.abs(state.EventsFile))
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
	size := info.Size()
	if i.logSize != nil {
		size = *i.logSize
	}
	return linesBackwards(f, size, limit, take)
}

// errFar is what linesBackwards answers where it does not go further.
var errFar = errors.New("the event log goes on before what was read of it")

// linesBackwards reads f from its end in blocks, so that the cost of a tail does
// not depend on the size of the log, and not much more than limit of it. Blocks grow
// as long as one line does, so that it is not copied over and over.
func linesBackwards(f afero.File, size, limit int64, take func(line []byte) bool) error {
	const least = 32 << 10
	block := int64(least)
	var rest []byte // beginning of the line that the block behind ended in
	for end := size; end > 0; {
		switch {
		case len(rest) > maxLine:
			return tooLong(f.Name())
		case size-end > limit:
			return errFar
		}
		start := max(0, end-block)
		buf := make([]byte, end-start, end-start+int64(len(rest)))
		if _, err := f.ReadAt(buf, start); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read event log: %w", err)
		}
		buf = append(buf, rest...)
		read := len(buf)
		for {
			i := bytes.LastIndexByte(buf, '\n')
			if i < 0 {
				break
			}
			if len(buf)-i > maxLine {
				return tooLong(f.Name())
			}
			if line := bytes.TrimSpace(buf[i+1:]); len(line) > 0 && !take(line) {
				return nil
			}
			buf = buf[:i]
		}
		if block *= 2; len(buf) < read {
			block = least
		}
		rest, end = buf, start
	}
	if line := bytes.TrimSpace(rest); len(line) > 0 {
		take(line)
	}
	return nil
}
