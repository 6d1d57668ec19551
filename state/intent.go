package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Intent says what an operation on git is about to do, before it does it. Its
// owner, or whoever finds it when the owner is dead, finishes or undoes it; until
// then its name, its task and its branch are taken.
type Intent struct {
	ID           string  `json:"id"`
	Kind         string  `json:"kind"` // IntentCreate, IntentRemove, IntentRestore, IntentLand or IntentSync
	Name         string  `json:"name"`
	Path         string  `json:"path"`
	Branch       string  `json:"branch"`
	NewBranch    bool    `json:"new_branch,omitempty"`
	BaseRef      string  `json:"base_ref,omitempty"`
	BaseCommit   string  `json:"base_commit,omitempty"`
	Target       string  `json:"target,omitempty"`
	Adopted      bool    `json:"adopted,omitempty"`
	TaskID       *int    `json:"task_id,omitempty"`
	Force        bool    `json:"force,omitempty"`
	CompleteTask bool    `json:"complete_task,omitempty"`
	Reason       string  `json:"reason,omitempty"`
	Snapshot     string  `json:"snapshot,omitempty"` // to restore
	Moves        *Move   `json:"moves,omitempty"`    // of a landing or a sync: what is about to happen to its target
	Actor        string  `json:"actor,omitempty"`
	Holder       string  `json:"holder"`
	At           float64 `json:"at"`

	Interrupted bool `json:"-"` // its owner died; somebody else finishes it
}

// The kinds of intent.
const (
	IntentCreate  = "create"
	IntentRemove  = "remove"
	IntentRestore = "restore"
	IntentLand    = "land"
	IntentSync    = "sync"
)

// Move is how a landing moves its target, or a sync its worktree's branch. It is on the
// board before anything moves.
type Move struct {
	Landing
	From string `json:"from"` // the target's tip; it is not Before where several land at once
	To   string `json:"to"`
	Op   string `json:"op,omitempty"`   // the operation under whose id git moves it, for all that land with it
	Base string `json:"base,omitempty"` // of a sync: what the worktree's work begins from then

	Merge *Merge `json:"merge,omitempty"` // of a sync that leaves a merge to be resolved: To is no commit of the branch's then
}

// Merge is a merge that is left to be resolved in a worktree.
type Merge struct {
	Theirs  string `json:"theirs"`
	Entries string `json:"entries"` // the blob with those of the index
	Message string `json:"message"`
}

// Operation is the right to act on an intent. It lives as long as its lock file
// is open in this process or in a child that inherited it: whatever store keeps the
// board, git works on this machine.
type Operation struct {
	ID   string
	lock *os.File
	end  func()
}

// NewOperation is for stores: lock is what the operation lives by, and end removes it.
func NewOperation(id string, lock *os.File, end func()) *Operation { return &Operation{id, lock, end} }

// ErrLockHeld is what taking a lock answers where another holder is alive.
var ErrLockHeld = errors.New("lock is held")

// File is the lock file, to be inherited by the children that do the work.
func (o *Operation) File() *os.File { return o.lock }

// Close gives the operation up and removes its lock file; the intent must be gone by then.
func (o *Operation) Close() {
	o.end()
	o.lock.Close()
}

func intentKey(id string) string { return OpsDir + "/" + id + ".json" }

// Intents returns the operations that are not finished, in the order of their start.
func (v *View) Intents() ([]Intent, error) {
	names, err := v.from.List(OpsDir)
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	for path := range v.staged {
		if name, ok := strings.CutPrefix(path, OpsDir+"/"); ok {
			names = append(names, name)
		}
	}
	var intents []Intent
	for _, id := range uniqueIDs(names) {
		data, err := v.read(intentKey(id), MaxTask)
		if missing(err) {
			continue
		}
		var in Intent
		if err == nil {
			err = json.Unmarshal(data, &in)
		}
		if err != nil {
			return nil, v.corrupt(intentKey(id), err)
		}
		intents = append(intents, in)
	}
	return intents, nil
}

// Unfinished finds an operation on the worktree of that name or for that task that
// is not finished, whether its owner lives or not; nil where there is none.
func (v *View) Unfinished(name string, task *int) (*Intent, error) {
	intents, err := v.Intents()
	for _, in := range intents {
		if strings.EqualFold(in.Name, name) || task != nil && in.TaskID != nil && *in.TaskID == *task {
			return &in, nil
		}
	}
	return nil, err
}

// PutIntent records what the operation op is about to do. One that is recorded already
// stays whose it was.
func (tx *Tx) PutIntent(op *Operation, in Intent) Intent {
	if in.ID != op.ID {
		in.ID, in.Holder, in.At = op.ID, tx.start.Holder, tx.at
	}
	tx.set(intentKey(op.ID), in)
	return in
}

// DropIntent records that the operation is finished or undone.
func (tx *Tx) DropIntent(op *Operation) { tx.set(intentKey(op.ID), nil) }
