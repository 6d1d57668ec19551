package state

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs/flock"
)

// Intent says what an operation on git is about to do, before it does it. Its
// owner, or whoever finds it when the owner is dead, finishes or undoes it; until
// then its name, its task and its branch are taken.
type Intent struct {
	ID           string  `json:"id"`
	Kind         string  `json:"kind"` // IntentCreate, IntentRemove or IntentRestore
	Name         string  `json:"name"`
	Path         string  `json:"path"`
	Branch       string  `json:"branch"`
	NewBranch    bool    `json:"new_branch,omitempty"`
	BaseRef      string  `json:"base_ref,omitempty"`
	BaseCommit   string  `json:"base_commit,omitempty"`
	Adopted      bool    `json:"adopted,omitempty"`
	TaskID       *int    `json:"task_id,omitempty"`
	Force        bool    `json:"force,omitempty"`
	CompleteTask bool    `json:"complete_task,omitempty"`
	Reason       string  `json:"reason,omitempty"`
	Snapshot     string  `json:"snapshot,omitempty"` // to restore
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
)

// Operation is the right to act on an intent. It lives as long as its lock file
// is open in this process or in a child that inherited it.
type Operation struct {
	ID   string
	disk *disk
	path string
	lock *os.File
}

// File is the lock file, to be inherited by the children that do the work.
func (o *Operation) File() *os.File { return o.lock }

// Close gives the operation up and removes its lock file; the intent must be gone by then.
func (o *Operation) Close() {
	_ = o.disk.Remove(o.path)
	o.lock.Close()
}

// NewOperation makes the right to a new operation, before its intent is on the board.
// A sweep of another process may have the new file for a moment, between its making
// and its lock: that sweep removes it, and the operation gets another id.
func (s *Store) NewOperation() (*Operation, error) {
	for {
		random := make([]byte, 6)
		_, _ = rand.Read(random)
		op, err := s.takeOperation(fmt.Sprintf("%x-%s", s.now().UnixMilli(), hex.EncodeToString(random)))
		if !errors.Is(err, ErrLockHeld) {
			return op, err
		}
	}
}

// TakeOver takes the right to an operation whose owner is dead; ErrLockHeld where
// the owner or a child of it lives. The caller looks again whether the intent is
// still on the board.
func (s *Store) TakeOver(id string) (op *Operation, err error) {
	for range 5 {
		if op, err = s.takeOperation(id); !errors.Is(err, ErrLockHeld) {
			break
		}
		time.Sleep(time.Millisecond) // it may be a Going that looks just then
	}
	return op, err
}

// Going reports whether the owner of an operation, or a child of it, lives.
func (s *Store) Going(id string) bool {
	s.disk.check()
	f, err := s.disk.open(s.private(opsName, id+".lock"), os.O_RDONLY, 0)
	if err != nil {
		return !missing(err)
	}
	defer f.Close()
	return errors.Is(flock.TryRLock(f), flock.ErrHeld)
}

// Going is [Store.Going] for who looks at the board.
func (v *View) Going(id string) bool { return v.store.Going(id) }

// takeOperation locks the file of that name. Between opening and locking it
// somebody may have removed it as left over: then it is made again.
func (s *Store) takeOperation(id string) (*Operation, error) {
	name := s.private(opsName, id+".lock")
	s.disk.check()
	for {
		f, err := s.disk.tryLock(name)
		if errors.Is(err, ErrLockHeld) {
			return nil, err
		}
		if err != nil {
			return nil, s.unwritable(err)
		}
		mine, err1 := f.Stat()
		there, err2 := s.disk.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return &Operation{ID: id, disk: s.disk, path: name, lock: f}, nil
		}
		f.Close()
	}
}

// SweepOperations removes what operations left that died before they put an intent
// on the board, or after they took it off: their lock files, and what they had
// staged.
func (s *Store) SweepOperations() error {
	names, err := s.names(s.private(opsName))
	if err != nil {
		return fmt.Errorf("list operations: %w", err)
	}
	var errs []error
	for _, name := range names {
		id, isLock := strings.CutSuffix(name, ".lock")
		staged, isStaged := stagedIntent(name)
		switch {
		case isStaged:
			id = staged
		case !isLock || slices.Contains(names, id+".json"):
			continue
		}
		op, err := s.takeOperation(id)
		if err != nil {
			continue // somebody is at it
		}
		if isStaged {
			if err := s.fs.Remove(s.private(opsName, name)); !missing(err) {
				errs = append(errs, err)
			}
		}
		if !slices.Contains(names, id+".json") {
			op.Close()
		} else {
			op.lock.Close()
		}
	}
	return errors.Join(errs...)
}

// stagedIntent reads the operation's id off the name of what is staged for its intent.
func stagedIntent(name string) (id string, ok bool) {
	id, ok = strings.CutSuffix(name, ".json.tmp")
	id, dot := strings.CutPrefix(id, ".")
	return id, ok && dot && id != ""
}

func intentPath(id string) string { return privatePrefix + opsName + "/" + id + ".json" }

// Intents returns the operations that are not finished, in the order of their start.
func (v *View) Intents() ([]Intent, error) {
	names, err := v.store.names(v.store.private(opsName))
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	for path := range v.over {
		if name, ok := strings.CutPrefix(path, privatePrefix+opsName+"/"); ok {
			names = append(names, name)
		}
	}
	var intents []Intent
	for _, id := range uniqueIDs(names) {
		data, err := v.read(intentPath(id), maxTaskFile)
		if missing(err) {
			continue
		}
		var in Intent
		if err == nil {
			err = json.Unmarshal(data, &in)
		}
		if err != nil {
			return nil, v.corrupt(intentPath(id), err)
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

// PutIntent records what the operation op is about to do.
func (tx *Tx) PutIntent(op *Operation, in Intent) Intent {
	in.ID, in.Holder, in.At = op.ID, tx.store.holder, tx.at
	tx.set(intentPath(op.ID), in)
	return in
}

// DropIntent records that the operation is finished or undone.
func (tx *Tx) DropIntent(op *Operation) { tx.set(intentPath(op.ID), nil) }
