package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Status is where a task stands.
type Status string

// A task goes pending → in_progress → completed; it may go back to pending, and
// from anywhere to deleted. Completed and deleted are final.
const (
	Pending    Status = "pending"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Deleted    Status = "deleted"
)

// Statuses lists every status in the order of a task's life.
func Statuses() []Status { return []Status{Pending, InProgress, Completed, Deleted} }

// DefaultPriority is what a task without a priority has; 0 is the highest, LowestPriority the lowest.
const (
	DefaultPriority = 2
	LowestPriority  = 4
)

// Note is a remark on a task; notes are only ever appended.
type Note struct {
	At    float64 `json:"at" jsonschema:"epoch seconds"`
	Actor string  `json:"actor"`
	Text  string  `json:"text"`
}

// Attempt is one holder's time with a task.
type Attempt struct {
	Owner     string  `json:"owner"`
	Actor     string  `json:"actor,omitempty" jsonschema:"which session it was"`
	ClaimedAt float64 `json:"claimed_at"`
	EndedAt   float64 `json:"ended_at,omitempty"`
	Outcome   string  `json:"outcome,omitempty" jsonschema:"completed, released, handed over, expired, overridden, forgotten or deleted"`
	Claim     int64   `json:"claim,omitempty" jsonschema:"number of its claim"`
}

// The ends of an attempt. Where it expired or a person overrode it, the holder was lost.
const (
	OutcomeCompleted  = "completed"
	OutcomeReleased   = "released"
	OutcomeHandedOver = "handed over"
	OutcomeDeleted    = "deleted"
	OutcomeExpired    = "expired"
	OutcomeOverridden = "overridden"
	OutcomeForgotten  = "forgotten" // the board's private files were lost
)

// OpenAttempt reports whether an attempt has not ended. The task is claimed by it,
// unless the board's private files were lost.
func (t Task) OpenAttempt() bool {
	return slices.ContainsFunc(t.Attempts, func(a Attempt) bool { return a.Outcome == "" })
}

// LostHolders counts the attempts whose holder went away without a word.
func (t Task) LostHolders() (n int) {
	for _, a := range t.Attempts {
		if a.Outcome == OutcomeExpired || a.Outcome == OutcomeOverridden {
			n++
		}
	}
	return n
}

// Closeout tells how a task or a worktree ended.
type Closeout struct {
	Action   string  `json:"action" jsonschema:"keep, remove or land"`
	Reason   string  `json:"reason,omitempty"`
	At       float64 `json:"at"`
	Snapshot string  `json:"snapshot,omitempty" jsonschema:"worktree_restore brings it back from there"`
}

// Task is one goal on the board, as in .tasks/task_<id>.json. Keys that this
// version does not know are kept when the task is written again.
type Task struct {
	ID             int       `json:"id"`
	Subject        string    `json:"subject"`
	Description    string    `json:"description"`
	Status         Status    `json:"status"`
	Owner          string    `json:"owner"`
	Worktree       string    `json:"worktree"`
	BlockedBy      []int     `json:"blockedBy"`
	CreatedAt      float64   `json:"created_at"`
	UpdatedAt      float64   `json:"updated_at"`
	Priority       int       `json:"priority"`
	Labels         []string  `json:"labels,omitempty"`
	Notes          []Note    `json:"notes,omitempty"`
	Attempts       []Attempt `json:"attempts,omitempty"`
	LeaseExpiresAt float64   `json:"lease_expires_at,omitempty"`
	Version        int       `json:"version"`
	Closeout       *Closeout `json:"closeout,omitempty"`

	raw json.RawMessage
}

// FileSize is how many bytes the file of a task had that was read.
func (t Task) FileSize() int { return len(t.raw) }

func taskKeys() []string {
	return []string{"id", "subject", "description", "status", "owner", "worktree", "blockedBy", "created_at",
		"updated_at", "priority", "labels", "notes", "attempts", "lease_expires_at", "version", "closeout"}
}

// MarshalJSON writes the known keys in the file's order, then the unknown ones.
func (t Task) MarshalJSON() ([]byte, error) {
	type plain Task
	if t.BlockedBy == nil {
		t.BlockedBy = []int{}
	}
	return marshalKeeping(plain(t), taskKeys(), t.raw)
}

// UnmarshalJSON fills in what files of the original program lack.
func (t *Task) UnmarshalJSON(data []byte) error {
	p, err := decodeTask(data)
	if err == nil {
		p.raw = append(json.RawMessage(nil), data...)
		*t = p
	}
	return err
}

func decodeTask(data []byte) (Task, error) {
	type plain Task
	p := plain{Priority: DefaultPriority}
	if err := json.Unmarshal(data, &p); err != nil {
		return Task{}, err
	}
	if p.BlockedBy == nil {
		p.BlockedBy = []int{}
	}
	return Task(p), nil
}

// parseTask reads the content of the file of task id.
func parseTask(id int, data []byte) (Task, error) {
	data, err := shaped(data)
	if err != nil {
		return Task{}, err
	}
	t, err := parsePlain(id, data)
	if err == nil {
		t.raw = append(json.RawMessage(nil), data...)
	}
	return t, err
}

// parsePlain is parseTask without the keys that we do not know.
func parsePlain(id int, data []byte) (Task, error) {
	data, err := shaped(data)
	if err != nil {
		return Task{}, err
	}
	t, err := decodeTask(data)
	if err != nil {
		return Task{}, err
	}
	if t.ID != id {
		return Task{}, fmt.Errorf("holds id %d", t.ID)
	}
	for _, s := range Statuses() {
		if t.Status == s {
			return t, nil
		}
	}
	return Task{}, fmt.Errorf("unknown status %q", t.Status)
}

// CanBecome reports whether a task may go from s to next; staying is allowed
// except where there is nothing left to do.
func (s Status) CanBecome(next Status) bool {
	switch s {
	case Pending, InProgress:
		return true
	case Completed:
		return next == Deleted
	default:
		return false
	}
}

// Open reports whether work on a task in this status can still go on.
func (s Status) Open() bool { return s == Pending || s == InProgress }

// TaskID reads the id off a file name. It knows our files only: conflict copies
// ("task_3 (1).json") and backups are other people's.
func TaskID(name string) (int, bool) {
	digits, isTask := strings.CutPrefix(name, "task_")
	digits, isJSON := strings.CutSuffix(digits, ".json")
	id, err := strconv.Atoi(digits)
	ok := isTask && isJSON && err == nil && id > 0 && len(digits) <= 9 && digits[0] != '0' && digits[0] != '+'
	return id, ok
}

// TaskKey is where the task of that number is.
func TaskKey(id int) string { return TasksDir + "/task_" + strconv.Itoa(id) + ".json" }

// HighestTask is the highest number of a task that has one of these file names.
func HighestTask(names []string) (highest int) {
	for _, name := range names {
		if id, ok := TaskID(name); ok {
			highest = max(highest, id)
		}
	}
	return highest
}

// IsTaskFile reports whether the board reads a file of that name as a task.
func IsTaskFile(name string) bool {
	_, ok := TaskID(name)
	return ok
}
