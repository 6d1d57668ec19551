package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/spf13/afero"

	"wt-mcp/state"
)

// ReadLog costs what it answers: the newest events are read from the log's end, those
// behind a sequence number from their place in it.
func (i *instant) ReadLog(q state.EventQuery) (p state.LogPage, err error) {
	if p.LastSeq, err = i.lastSeq(); err != nil {
		return p, err
	}
	if q.Match == nil {
		q.Match = func(state.Event) bool { return true }
	}
	if q.After == nil {
		return i.newest(q, p)
	}
	return i.following(q, p)
}

// newest reads from the end.
func (i *instant) newest(q state.EventQuery, p state.LogPage) (state.LogPage, error) {
	r := newestReader{query: q, oldest: p.LastSeq + 1}
	err := i.backwards(maxTail, r.take)
	far := errors.Is(err, errFar)
	if err != nil && !far {
		return p, err
	}
	slices.Reverse(r.found)
	p.Events = append([]state.Event{}, r.found...)
	if e, ok := state.ParseEvent(r.skipped); ok && e.Seq > 0 {
		r.oldest = min(r.oldest, e.Seq)
	}
	if far {
		p.Missed = &state.Missed{From: 1, To: r.oldest - 1, File: path.Base(state.EventsFile)}
	}
	return p, nil
}

// newestReader collects the newest events that match, the newest first.
type newestReader struct {
	query   state.EventQuery
	found   []state.Event
	oldest  int64  // lowest sequence number so far
	skipped []byte // the last line that was not decoded, and may have a lower one
}

// take reports whether older lines are wanted.
func (r *newestReader) take(line []byte) bool {
	if !mayMatch(line, r.query.Words) && !bytes.Contains(line, []byte(logContinues)) {
		if bytes.Contains(line, []byte(seqKey)) {
			r.skipped = line
		}
		return true
	}
	e, ok := state.ParseEvent(line)
	if !ok {
		e = state.Unreadable(line)
	}
	if _, ok := continues(e); ok {
		return false
	}
	if e.Seq > 0 {
		r.oldest, r.skipped = min(r.oldest, e.Seq), nil
	}
	if r.query.Match(e) {
		r.found = append(r.found, e)
	}
	return len(r.found) < r.query.Limit
}

// following reads what comes behind a sequence number.
func (i *instant) following(q state.EventQuery, p state.LogPage) (state.LogPage, error) {
	r := followingReader{query: q, oldest: p.LastSeq + 1, found: []state.Event{}}
	err := i.behind(*q.After, &r)
	if err == nil && r.more() {
		for _, line := range i.lines {
			if !r.take(line) {
				break
			}
		}
	}
	if p.Events = r.found; r.oldest > *q.After+1 {
		p.Missed = &state.Missed{From: *q.After + 1, To: r.oldest - 1, File: r.file}
	}
	return p, err
}

// followingReader collects the oldest events that match behind a sequence number.
type followingReader struct {
	query  state.EventQuery
	found  []state.Event
	oldest int64  // sequence number of the first of them, whether it matches or not
	seen   bool   // that first one
	file   string // has the events before it
}

func (r *followingReader) more() bool { return len(r.found) < r.query.Limit }

// take reports whether later lines are wanted.
func (r *followingReader) take(line []byte) bool {
	if r.seen && !mayMatch(line, r.query.Words) || !bytes.Contains(line, []byte(seqKey)) {
		return true
	}
	e, _ := state.ParseEvent(line)
	if e.Seq <= *r.query.After {
		return true
	}
	if !r.seen {
		r.oldest, r.seen = min(r.oldest, e.Seq), true
	}
	if r.query.Match(e) {
		r.found = append(r.found, e)
	}
	return r.more()
}

// behind gives the reader the lines of the log's file, from one on that has no wanted
// one before it. It does not read more than maxTail of it.
func (i *instant) behind(after int64, r *followingReader) error {
	f, size, err := i.openLog()
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	first, err := continuationOf(f)
	if err != nil {
		return fmt.Errorf("read event log: %w", err)
	}
	r.file = first.File
	start, err := placeBehind(f, size, after)
	if err != nil {
		return err
	}
	if least := size - maxTail; start < least {
		start, r.file = least, path.Base(state.EventsFile)
	}
	return linesFrom(f, start, size, func(_ int64, line []byte) bool { return r.take(line) })
}

// window is how little of a log is rather read than searched.
const window = 64 << 10

// placeBehind finds where in the log to begin so that no line with a higher sequence
// number is left out: close before the first of them, by bisection. Sequence numbers
// grow along the log; lines of the original program have none.
func placeBehind(f afero.File, size, after int64) (int64, error) {
	low, high := int64(0), size
	for high-low > window {
		middle := low + (high-low)/2
		seq, at, err := seqFrom(f, middle, high)
		switch {
		case err != nil:
			return 0, err
		case seq == 0 || seq > after:
			high = middle
		default:
			low = at
		}
	}
	return low, nil
}

// seqFrom is the first sequence number of a line that begins behind start and before
// end, and where that line begins; 0 where there is none.
func seqFrom(f afero.File, start, end int64) (seq, at int64, err error) {
	err = linesFrom(f, start, end, func(offset int64, line []byte) bool {
		if bytes.Contains(line, []byte(seqKey)) {
			e, _ := state.ParseEvent(line)
			seq, at = e.Seq, offset
		}
		return seq <= 0
	})
	return max(seq, 0), at, err
}

// linesFrom calls take with each line that begins at or behind start and before end,
// and where it begins, until take returns false. A start within the log is taken to be
// within a line, which is left out.
func linesFrom(f afero.File, start, end int64, take func(offset int64, line []byte) bool) error {
	from := max(0, start-1) // a line that begins at start follows a newline
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, math.MaxInt64-from), window)
	offset := from
	for first := start > 0; offset < end; first = false {
		line, err := wholeLine(in, f.Name())
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read event log: %w", err)
		}
		trimmed := bytes.TrimSpace(line[:min(int64(len(line)), end-offset)])
		if !first && len(trimmed) > 0 && !take(offset, trimmed) || last {
			return nil
		}
		offset += int64(len(line))
	}
	return nil
}

// wholeLine is the next line with its newline, valid until the next one is read.
func wholeLine(in *bufio.Reader, name string) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	line = slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(line) > maxLine {
			return nil, tooLong(name)
		}
		var more []byte
		more, err = in.ReadSlice('\n')
		line = append(line, more...)
	}
	return line, err
}

// seqKey is in each line that has a sequence number.
const seqKey = `"seq"`

// mayMatch reports whether a line has all the words, in any case; one with escapes may.
func mayMatch(line []byte, words []string) bool {
	if len(words) == 0 || bytes.IndexByte(line, '\\') >= 0 {
		return true
	}
	for _, word := range words {
		if !containsFold(line, word) {
			return false
		}
	}
	return true
}

// containsFold is bytes.Contains for an ASCII word in any case.
func containsFold(line []byte, word string) bool {
	if word == "" {
		return true
	}
	for _, first := range []string{strings.ToLower(word[:1]), strings.ToUpper(word[:1])} {
		for rest := line; len(rest) >= len(word); rest = rest[1:] {
			at := bytes.IndexByte(rest, first[0])
			if at < 0 || len(rest)-at < len(word) {
				break
			}
			if rest = rest[at:]; strings.EqualFold(string(rest[:len(word)]), word) {
				return true
			}
		}
	}
	return false
}

// lastSeq is the newest sequence number: that of the marker, or where there is none,
// of the log.
func (i *instant) lastSeq() (last int64, err error) {
	if i.seq != nil {
		return *i.seq, nil
	}
	err = i.backwards(math.MaxInt64, func(line []byte) bool {
		if !bytes.Contains(line, []byte(seqKey)) && !bytes.Contains(line, []byte(logContinues)) {
			return true
		}
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

// openLog opens what counts of the log; nil where there is none.
func (i *instant) openLog() (f afero.File, size int64, err error) {
	f, err = i.store.openFile(i.store.abs(state.EventsFile))
	if missing(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open event log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read event log: %w", err), f.Close())
	}
	if size = info.Size(); i.logSize != nil {
		size = *i.logSize
	}
	return f, size, nil
}
