package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/afero"

	"wt-mcp/state"
)

// The journal is a redo log of fixed size, overwritten from the start in each
// generation. Layout: two header slots of slotSize bytes, the valid one with
// the higher generation counts; then, from journalStart on, records of that
// generation, each written and flushed before the next one begins. A frame is
//
//	WT1 <crc32 of the rest> <payload length> <generation>\n<payload>\n
//
// with 8 hexadecimal digits each. A frame that does not check ends the log: it
// is the torn tail of a record that was never acknowledged, or an older
// generation's. Overwriting allocated blocks makes a flush cheap, and leaves
// room to commit when the disk is full.
const (
	slotSize        = 512
	journalStart    = 2 * slotSize
	journalCapacity = 1 << 20
	frameHead       = len("WT1 00000000 00000000 00000000\n")
)

// header opens a generation: everything before it is in the files, flushed.
type header struct {
	Gen    int64 `json:"gen"`
	Seq    int64 `json:"seq"`
	NextID int   `json:"next_id"`
	Events int64 `json:"events"`          // size of the event log that is known to be flushed
	After  int64 `json:"after,omitempty"` // which log that is: the one that goes on after this event
}

// journal gives access to the log file; the caller holds the board's lock for
// everything but read.
type journal struct {
	file afero.File
	sync func(afero.File) error
}

func frame(gen int64, payload any) ([]byte, error) {
	body, err := state.Encode(payload)
	if err != nil {
		return nil, err
	}
	rest := fmt.Sprintf("%08x %08x\n", len(body), uint32(gen))
	sum := crc32.ChecksumIEEE([]byte(rest))
	sum = crc32.Update(sum, crc32.IEEETable, body)
	out := make([]byte, 0, frameHead+len(body)+1)
	out = fmt.Appendf(out, "WT1 %08x %s", sum, rest)
	return append(append(out, body...), '\n'), nil
}

// unframe returns the payload of the frame that data begins with, its
// generation and its whole length; ok is false where there is no sound frame.
func unframe(data []byte) (body []byte, gen int64, size int, ok bool) {
	if len(data) < frameHead || string(data[:4]) != "WT1 " || data[frameHead-1] != '\n' {
		return nil, 0, 0, false
	}
	sum, err1 := strconv.ParseUint(string(data[4:12]), 16, 32)
	length, err2 := strconv.ParseUint(string(data[13:21]), 16, 32)
	g, err3 := strconv.ParseUint(string(data[22:30]), 16, 32)
	end := frameHead + int(length)
	if errors.Join(err1, err2, err3) != nil || end+1 > len(data) || data[end] != '\n' {
		return nil, 0, 0, false
	}
	if crc32.ChecksumIEEE(data[13:end]) != uint32(sum) {
		return nil, 0, 0, false
	}
	return data[frameHead:end], int64(g), end + 1, true
}

// position is where a generation's log stands after reading it.
type position struct {
	header
	End     int64
	Records []state.Batch
	Offsets []int64 // of each record
}

// parseJournal reads a whole journal; ok is false where no header slot is sound.
func parseJournal(data []byte) (p position, ok bool) {
	for slot := 0; slot < journalStart && slot < len(data); slot += slotSize {
		body, gen, _, sound := unframe(data[slot:min(slot+slotSize, len(data))])
		var h header
		if sound && json.Unmarshal(body, &h) == nil && h.Gen == gen && (!ok || h.Gen > p.Gen) {
			p.header, ok = h, true
		}
	}
	if !ok {
		return position{}, false
	}
	p.End = journalStart
	for p.End < int64(len(data)) {
		body, gen, size, sound := unframe(data[p.End:])
		var r state.Batch
		if !sound || gen != p.Gen || json.Unmarshal(body, &r) != nil {
			break
		}
		p.Records = append(p.Records, r)
		p.Offsets = append(p.Offsets, p.End)
		p.End += int64(size)
	}
	return p, true
}

// last returns the highest sequence number and the next id that the log knows.
func (p position) last() (seq int64, nextID int) {
	seq, nextID = p.Seq, p.NextID
	for _, r := range p.Records {
		seq, nextID = max(seq, r.Seq), max(nextID, r.NextID)
	}
	return seq, nextID
}

// append writes one record at the given offset and flushes it: when it returns
// nil, the record is committed. flushed is false where the outcome of the flush
// itself is unknown.
func (j journal) append(gen, at int64, r state.Batch) (end int64, flushed bool, err error) {
	data, err := frame(gen, r)
	if err != nil {
		return at, true, err
	}
	if _, err := j.file.WriteAt(data, at); err != nil {
		voided := j.void(at)
		return at, voided == nil, errors.Join(fmt.Errorf("write journal: %w", err), voided)
	}
	if err := j.sync(j.file); err != nil {
		return at, false, fmt.Errorf("flush journal: %w", err)
	}
	return at + int64(len(data)), true, nil
}

// void makes sure that what a failed write left at the offset is no record.
func (j journal) void(at int64) error {
	_, err := j.file.WriteAt(make([]byte, frameHead), at)
	return err
}

// begin opens the generation h in its slot and flushes it. The other slot, and
// with it the generation before, stays valid until that is done.
func (j journal) begin(h header) error {
	data, err := frame(h.Gen, h)
	if err != nil {
		return err
	}
	slot := make([]byte, slotSize)
	copy(slot, data)
	if _, err := j.file.WriteAt(slot, (h.Gen%2)*slotSize); err != nil {
		return fmt.Errorf("write journal header: %w", err)
	}
	if err := j.sync(j.file); err != nil {
		return fmt.Errorf("flush journal header: %w", err)
	}
	return nil
}

// newJournal returns the content of a fresh journal.
func newJournal(h header, capacity int64) ([]byte, error) {
	data, err := frame(h.Gen, h)
	if err != nil {
		return nil, err
	}
	out := bytes.Repeat([]byte{0}, int(capacity))
	copy(out[(h.Gen%2)*slotSize:], data)
	return out, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrNotExist) }
