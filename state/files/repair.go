package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/afero"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// logEnd is the part of the event log behind what is known to be flushed, as it
// is and as it should be.
type logEnd struct {
	flushed     int64  // size of the part before it
	is, mended  []byte // mended ends in a newline, unless it is empty
	unreadables []byte // an unterminated end of is that is no event
}

// eventsEnd compares the log with the events that the journal expects in it. What
// is known to be flushed counts as long as the log is the one that was meant.
func (s *Store) eventsEnd(h header, expected []json.RawMessage) (logEnd, error) {
	end := logEnd{}
	f, err := s.openFile(s.abs(state.EventsFile))
	if err != nil && !missing(err) {
		return end, fmt.Errorf("open event log: %w", err)
	}
	if err == nil {
		defer f.Close()
		if end.flushed, err = flushedPart(f, h); err == nil {
			end.flushed, err = boundedTail(f, end.flushed)
		}
		if err == nil {
			end.is, err = readFrom(f, end.flushed)
		}
		if err != nil {
			return end, fmt.Errorf("read event log: %w", err)
		}
	}
	end.mended, end.unreadables = mergeEvents(end.is, expected)
	return end, nil
}

func flushedPart(f afero.File, h header) (int64, error) {
	c, err := continuationOf(f)
	if err != nil || c.AfterSeq != h.After {
		return 0, err
	}
	return wholeLinesUpTo(f, h.Events)
}

// wholeLinesUpTo returns offset if a line ends there, else 0: then another
// program has rewritten the log.
func wholeLinesUpTo(f afero.File, offset int64) (int64, error) {
	info, err := f.Stat()
	if err != nil || offset == 0 || offset > info.Size() {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, offset-1); err != nil {
		return 0, err
	}
	if last[0] != '\n' {
		return 0, nil
	}
	return offset, nil
}

// boundedTail is from where on a log is compared with the journal: at offset, or
// where a line begins not much more than maxTail before its end. What the journal
// expects is shorter by far.
func boundedTail(f afero.File, offset int64) (int64, error) {
	info, err := f.Stat()
	if err != nil || info.Size()-offset <= maxTail {
		return offset, err
	}
	start := info.Size() - maxTail
	r := bufio.NewReaderSize(io.NewSectionReader(f, start, maxLine), 64<<10)
	for n := int64(1); ; n++ {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0, tooLong(f.Name())
		}
		if err != nil || c == '\n' {
			return start + n, err
		}
	}
}

func tooLong(name string) error {
	return refused(&osfs.Refused{Path: name, Why: fmt.Sprintf("has a line of more than %d MB, so it is no event log", maxLine>>20)})
}

func readFrom(f afero.File, offset int64) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, offset, 1<<40))
}

// repairEvents makes the log hold every expected line, once and in order, and
// end in a newline. Only an unterminated last line that is no event is cut; its
// bytes are kept aside.
func (s *Store) repairEvents(h header, expected []json.RawMessage) error {
	end, err := s.eventsEnd(h, expected)
	if err != nil {
		return err
	}
	if len(end.unreadables) > 0 && !prefixOfAny(end.unreadables, expected) {
		if _, err := s.setAside("events.jsonl", end.unreadables); err != nil {
			return err
		}
	}
	if rest, ok := bytes.CutPrefix(end.mended, end.is); ok {
		if len(rest) == 0 {
			return nil
		}
		f, err := s.openLog()
		if err == nil {
			_, err = f.Write(rest)
		}
		return err
	}
	whole, err := s.readFile(s.abs(state.EventsFile), maxRewrite)
	if err != nil {
		return fmt.Errorf("read event log: %w", err)
	}
	after := string(whole[:end.flushed]) + string(end.mended)
	w := state.Write{Path: state.EventsFile, After: &after}
	if _, err := s.stage([]state.Write{w}); err != nil {
		return err
	}
	return s.place(w)
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
		if e, ok := state.ParseEvent(line); ok {
			todo = append(todo, numbered{e.Seq, line})
		}
	}
	emit := func(line []byte) { merged = append(append(merged, line...), '\n') }
	for len(tail) > 0 {
		line, rest, ended := bytes.Cut(tail, []byte("\n"))
		tail = rest
		clean := bytes.Trim(line, "\x00")
		e, ok := state.ParseEvent(clean)
		if !ok && !ended {
			cut = clean
			break
		}
		if len(clean) == 0 && len(line) > 0 {
			continue
		}
		if c, first := continues(e); first && len(merged) == 0 { // what comes before is in an older log
			for len(todo) > 0 && todo[0].seq <= c.AfterSeq {
				todo = todo[1:]
			}
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
