package runner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// DefaultLogLimit is how much of the output a log keeps where nobody says.
const DefaultLogLimit = 64 << 20

// A log is a chain of plain files, each only ever appended to, so that it can be
// read at any time and is whole whatever dies: <run_id>.log is the head of the
// stream, up to half of the limit; <run_id>.<offset>.log are the pieces that
// follow, an eighth of the limit each, of which the newest four are kept. What
// lay between is dropped. Offsets count the bytes of the stream.
const (
	headShare = 2
	tailShare = 8
	tailFiles = 4
)

// logWriter is the log as its supervisor writes it. A disk that is full costs
// the log, not the run.
type logWriter struct {
	dir, id string
	limit   int64
	out     *os.File
	room    int64   // left in out
	total   int64   // bytes of the stream so far
	tails   []int64 // offsets of the pieces after the head
	err     error
}

func newLogWriter(dir, id string, limit int64) (*logWriter, error) {
	f, err := openFile(file(dir, id, ".log"), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create log of run %s: %w", id, err)
	}
	return &logWriter{dir: dir, id: id, limit: limit, out: f, room: limit / headShare}, nil
}

// Write never fails; err says later what could not be kept.
func (w *logWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if w.room == 0 {
			w.turn()
		}
		n := min(int64(len(rest)), w.room)
		if w.out != nil {
			if _, err := w.out.Write(rest[:n]); err != nil {
				w.fail(err)
			}
		}
		rest, w.room, w.total = rest[n:], w.room-n, w.total+n
	}
	return len(p), nil
}

// turn begins the next piece, and drops one that is too much.
func (w *logWriter) turn() {
	w.room = max(1, w.limit/tailShare)
	if w.err != nil {
		return
	}
	w.out.Close()
	if len(w.tails) == tailFiles {
		removeFile(pieceName(w.dir, w.id, w.tails[0]))
		w.tails = w.tails[1:]
	}
	f, err := openFile(pieceName(w.dir, w.id, w.total), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		w.out = nil
		w.fail(err)
		return
	}
	w.out, w.tails = f, append(w.tails, w.total)
}

func (w *logWriter) fail(err error) {
	w.err = err
	if w.out != nil {
		w.out.Close()
		w.out = nil
	}
}

func (w *logWriter) Close() {
	if w.out != nil {
		w.out.Close()
	}
}

func pieceName(dir, id string, offset int64) string {
	return file(dir, id, "."+strconv.FormatInt(offset, 10)+".log")
}

// piece is one file of a log.
type piece struct {
	path        string
	start, size int64
}

// Log is the output of a run as it was on disk when it was opened.
type Log struct {
	pieces []piece // the head, then the tail in order; never none
}

// openLog looks a log up. Pieces that come and go meanwhile do not disturb.
func openLog(dir, id string, limit int64) (Log, error) {
	head := piece{path: file(dir, id, ".log")}
	info, err := statFile(head.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Log{pieces: []piece{head}}, nil
	}
	if err != nil {
		return Log{}, fmt.Errorf("open log of run %s: %w", id, err)
	}
	head.size = info.Size()
	l := Log{pieces: []piece{head}}
	if head.size < limit/headShare {
		return l, nil
	}
	names, err := filepath.Glob(file(dir, id, ".*.log"))
	if err != nil {
		return l, fmt.Errorf("list log of run %s: %w", id, err)
	}
	for _, name := range names {
		l.add(name)
	}
	slices.SortFunc(l.pieces, func(a, b piece) int { return int(min(1, max(-1, a.start-b.start))) })
	return l, nil
}

func (l *Log) add(name string) {
	parts := strings.Split(filepath.Base(name), ".")
	start, err := strconv.ParseInt(parts[len(parts)-2], 10, 64)
	info, statErr := statFile(name)
	if err == nil && statErr == nil {
		l.pieces = append(l.pieces, piece{name, start, info.Size()})
	}
}

// Size is the length of the stream.
func (l Log) Size() int64 {
	last := l.pieces[len(l.pieces)-1]
	return last.start + last.size
}

// readAt fills buf from the stream. Where the bytes at off are dropped it goes on
// at the next that are kept: start is where what it read begins. It reads no
// further than the next gap.
func (l Log) readAt(buf []byte, off int64) (n int, start int64, err error) {
	start = off
	for _, p := range l.pieces {
		if p.start+p.size <= start || n == len(buf) {
			continue
		}
		if p.start > start+int64(n) {
			if n > 0 {
				return n, start, nil
			}
			start = p.start
		}
		got, err := p.read(buf[n:], start+int64(n)-p.start)
		if err != nil {
			return n, start, err
		}
		n += got
	}
	return n, start, nil
}

// read answers nothing where the piece was dropped just now.
func (p piece) read(buf []byte, off int64) (int, error) {
	f, err := openFile(p.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.ReadAt(buf[:min(int64(len(buf)), p.size-off)], off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
