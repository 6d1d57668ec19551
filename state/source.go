package state

import (
	"encoding/json"
	"time"
)

// Where the board's values are, by key: a path below the root of the board, with
// slashes, or below PrivateDir, for what is of no interest to other programs.
const (
	TasksDir     = ".tasks"
	WorktreesDir = ".worktrees"
	IndexFile    = WorktreesDir + "/index.json"
	EventsFile   = WorktreesDir + "/events.jsonl"
	PrivateDir   = "private"
	OpsDir       = PrivateDir + "/ops"
	landingsDir  = PrivateDir + "/landings"
	claimsFile   = PrivateDir + "/claims.json"
	overlapsFile = PrivateDir + "/overlaps.json"
)

// MaxTask is the size of a task beyond which it is not ours; MaxValue that of any value.
const (
	MaxTask  = 16 << 20
	MaxValue = 64 << 20
)

// Source is the board as a store has it at one instant. It is all that the board's
// rules know of a store when they read; what they decide is a [Batch].
//
// The seam is cut here and not at single calls, because a store on another machine
// can keep it: it notes which version of each value it handed out, and takes the
// batch only if those are still the newest.
type Source interface {
	// Read returns the value of a key; fs.ErrNotExist where there is none. One of more
	// than limit bytes is refused.
	Read(key string, limit int64) ([]byte, error)
	List(dir string) ([]string, error) // the last parts of the keys in a directory, in any order
	Tasks() (*Tasks, error)
	ReadLog(EventQuery) (LogPage, error)
	Where(key string) string // what a person calls it
	Going(operation string) bool
	Now() float64
	Boot() string          // which boot of the machine this is; "" where that is not known
	Uptime() time.Duration // since then, its sleep included
}

// Start is what a transaction begins from, beside what it reads.
type Start struct {
	Seq    int64  // last sequence number given out
	NextID int    // next task id, as far as is known
	Holder string // who makes the change
	// SetAside keeps bytes that cannot stay where they are, and says where they went.
	SetAside func(name string, data []byte) (kept string, err error)
}

// Batch is what a transaction changes: all its values and events, or nothing. The
// journal of a store on files has it in this form.
type Batch struct {
	Seq    int64             `json:"seq"`     // last sequence number given out with it
	NextID int               `json:"next_id"` // next task id after it
	Writes []Write           `json:"writes"`
	Events []json.RawMessage `json:"events,omitempty"`
}

// Write is one value of a batch: what it was when it was read, and what it is to be.
// A nil After removes it.
type Write struct {
	Path   string  `json:"path"`
	Before string  `json:"before,omitempty"` // hash; "" where there was none
	After  *string `json:"after"`
}

// IsEmpty reports that a batch changes nothing.
func (b Batch) IsEmpty() bool { return len(b.Writes) == 0 && len(b.Events) == 0 }

// Decide runs fn on the board as it is at the source, and returns what fn would have
// changed. It changes nothing itself.
func Decide(from Source, start Start, fn func(*Tx) error) (Batch, error) {
	tx := &Tx{View: View{from: from, staged: map[string]*string{}, seen: map[string][]byte{}}, start: start,
		nextID: max(start.NextID, 1), at: from.Now(), before: map[string]string{}}
	if err := fn(tx); err != nil {
		return Batch{}, err
	}
	if tx.err != nil {
		return Batch{}, tx.err
	}
	return tx.batch()
}
