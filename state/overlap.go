package state

import (
	"encoding/json"
	"slices"
	"strings"
)

// Overlap is that two lanes change the same, so that the one that lands second has
// conflicts: as the board was told of it last.
type Overlap struct {
	A     string   `json:"a"` // names of worktrees; A is the lesser one
	B     string   `json:"b"`
	Files []string `json:"files"`          // the first of them, each once
	More  int      `json:"more,omitempty"` // how many there are beside
	All   string   `json:"all"`            // tells whether they are the same files
	At    float64  `json:"at"`             // since when
}

// maxOverlapFiles is how many files an overlap names.
const maxOverlapFiles = 10

// NewOverlap is that of two lanes in files.
func NewOverlap(a, b string, files []string, at float64) Overlap {
	if strings.Compare(a, b) > 0 {
		a, b = b, a
	}
	files = slices.Compact(slices.Sorted(slices.Values(files)))
	o := Overlap{A: a, B: b, All: Hash([]byte(strings.Join(files, "\x00")), true), At: at}
	o.Files = files[:min(len(files), maxOverlapFiles)]
	o.More = len(files) - len(o.Files)
	return o
}

// Same reports whether the other one tells of the same lanes.
func (o Overlap) Same(other Overlap) bool { return o.A == other.A && o.B == other.B }

// With is the other lane of an overlap; "" where the name is of neither.
func (o Overlap) With(name string) string {
	switch {
	case strings.EqualFold(o.A, name):
		return o.B
	case strings.EqualFold(o.B, name):
		return o.A
	}
	return ""
}

// Overlaps are those that the board was told of. They are found again where the file
// cannot be read.
func (v *View) Overlaps() []Overlap {
	data, err := v.read(overlapsFile, MaxTask)
	var all []Overlap
	if err != nil || json.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}

// PutOverlaps replaces them.
func (tx *Tx) PutOverlaps(all []Overlap) {
	if len(all) == 0 {
		tx.set(overlapsFile, nil)
		return
	}
	tx.set(overlapsFile, all)
}
