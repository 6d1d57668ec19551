package stdio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
)

const (
	readBuffer = 64 << 10
	edge       = 4 << 10
)

// line is one line of input without its newline. Of a line over the limit only
// the edges are kept, for whatever they tell of its id.
type line struct {
	text       []byte
	size       int
	over       bool
	head, tail []byte
}

// lineReader cuts a stream into lines of at most max bytes. A longer line costs
// no more memory than max.
type lineReader struct {
	in    *bufio.Reader
	max   int
	begun bool
	err   error
}

func newLineReader(in io.Reader, max int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, readBuffer), max: max}
}

// next returns the next line, the last one also when it has no newline.
func (r *lineReader) next() (line, error) {
	if r.err != nil {
		return line{}, r.err
	}
	if !r.begun {
		r.begun = true
		r.skipMark()
	}
	l := r.readLine()
	if r.err != nil && l.size == 0 {
		return line{}, r.err
	}
	return l, nil
}

func (r *lineReader) readLine() line {
	var text []byte
	for {
		chunk, more := r.chunk()
		if len(text)+len(chunk) > r.max {
			return r.skipRest(append(text, chunk...), more)
		}
		text = append(text, chunk...)
		if !more {
			return line{text: text, size: len(text)}
		}
	}
}

func (r *lineReader) skipRest(head []byte, more bool) line {
	l := line{size: len(head), over: true}
	l.tail = lastBytes(nil, head)
	l.head = bytes.Clone(head[:min(len(head), edge)])
	for more {
		var chunk []byte
		chunk, more = r.chunk()
		l.size += len(chunk)
		l.tail = lastBytes(l.tail, chunk)
	}
	return l
}

// chunk returns the next piece of the line, which is valid until the next call,
// and whether the line goes on.
func (r *lineReader) chunk() (piece []byte, more bool) {
	piece, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return piece, true
	}
	r.err = err
	return bytes.TrimSuffix(piece, []byte("\n")), false
}

// skipMark drops a UTF-8 byte order mark, which some Windows shells put in front
// of what they pipe.
func (r *lineReader) skipMark() {
	const mark = "\xef\xbb\xbf"
	if start, _ := r.in.Peek(1); string(start) != mark[:1] {
		return
	}
	if start, _ := r.in.Peek(len(mark)); string(start) == mark {
		_, _ = r.in.Discard(len(mark))
	}
}

func lastBytes(kept, chunk []byte) []byte {
	chunk = chunk[max(0, len(chunk)-edge):]
	surplus := max(0, len(kept)+len(chunk)-edge)
	return append(append(kept[:0], kept[surplus:]...), chunk...)
}

// readAll handles every line of in. The end of input is no error.
func (c *conn) readAll(ctx context.Context, in io.Reader) error {
	lines := newLineReader(in, c.opt.MaxMessage)
	for ctx.Err() == nil {
		c.queue.room(ctx)
		l, err := lines.next()
		if ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c.handle(ctx, l)
	}
	return nil
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrClosed)
}
