package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// marker is the content of the file that says how the last holder of the board's
// lock left things. It is a hint that saves reading the journal, never flushed:
// a marker that does not parse, or that another boot wrote, counts as dirty.
//
// Dirty is written before the first change of a transaction, so that "clean"
// can never describe a state which a dead process has already gone past.
type marker struct {
	Clean   bool    `json:"clean"`
	Boot    string  `json:"boot"`              // what boot of the machine wrote it
	Gen     int64   `json:"gen"`               // generation of the journal
	End     int64   `json:"end"`               // where the journal's next record goes
	Applied int64   `json:"applied"`           // records before this offset are in the files
	Seq     int64   `json:"seq"`               // last sequence number given out
	NextID  int     `json:"next_id"`           // next task id to give out
	Holder  string  `json:"holder,omitempty"`  // dirty: who
	Since   float64 `json:"since,omitempty"`   // dirty: since when
	Pending string  `json:"pending,omitempty"` // dirty after commit: why the files are behind
}

const markerSize = 512

func (m marker) encode() []byte {
	body, err := json.Marshal(m)
	if err != nil || len(body) > markerSize-10 {
		m.Holder, m.Pending = "", ""
		body, _ = json.Marshal(m)
	}
	out := bytes.Repeat([]byte(" "), markerSize)
	copy(out, fmt.Sprintf("%08x ", crc32.ChecksumIEEE(body)))
	copy(out[9:], body)
	out[markerSize-1] = '\n'
	return out
}

func parseMarker(data []byte) (marker, bool) {
	var m marker
	if len(data) < 10 {
		return m, false
	}
	body := bytes.TrimRight(data[9:], " \n")
	if fmt.Sprintf("%08x ", crc32.ChecksumIEEE(body)) != string(data[:9]) {
		return m, false
	}
	return m, json.Unmarshal(body, &m) == nil
}
