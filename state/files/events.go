package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

// backwards calls take with each line, the newest first, until it returns false.
// It does not read much more than the last bytes of the log that limit says.
func (i *instant) backwards(limit int64, take func(line []byte) bool) error {
	for _, line := range slices.Backward(i.lines) {
		if !take(line) {
			return nil
		}
	}
	f, size, err := i.openLog()
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
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
