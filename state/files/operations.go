package files

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/state/osfs/flock"
)

// NewOperation makes the right to a new operation, before its intent is on the board.
// A sweep of another process may have the new file for a moment, between its making
// and its lock: that sweep removes it, and the operation gets another id.
func (s *Store) NewOperation() (*state.Operation, error) {
	for {
		random := make([]byte, 6)
		_, _ = rand.Read(random)
		op, err := s.takeOperation(fmt.Sprintf("%x-%s", s.now().UnixMilli(), hex.EncodeToString(random)))
		if !errors.Is(err, state.ErrLockHeld) {
			return op, err
		}
	}
}

// TakeOver takes the right to an operation whose owner is dead; ErrLockHeld where
// the owner or a child of it lives. The caller looks again whether the intent is
// still on the board.
func (s *Store) TakeOver(id string) (op *state.Operation, err error) {
	for range 5 {
		if op, err = s.takeOperation(id); !errors.Is(err, state.ErrLockHeld) {
			break
		}
		time.Sleep(time.Millisecond) // it may be a Going that looks just then
	}
	return op, err
}

// Going reports whether the owner of an operation, or a child of it, lives.
func (s *Store) Going(id string) bool {
	s.disk.check()
	f, err := s.disk.open(s.abs(state.OpsDir+"/"+id+".lock"), os.O_RDONLY, 0)
	if err != nil {
		return !missing(err)
	}
	defer f.Close()
	return errors.Is(flock.TryRLock(f), flock.ErrHeld)
}

// takeOperation locks the file of that name. Between opening and locking it
// somebody may have removed it as left over: then it is made again.
func (s *Store) takeOperation(id string) (*state.Operation, error) {
	name := s.abs(state.OpsDir + "/" + id + ".lock")
	s.disk.check()
	for {
		f, err := s.disk.tryLock(name)
		if errors.Is(err, state.ErrLockHeld) {
			return nil, err
		}
		if err != nil {
			return nil, s.unwritable(err)
		}
		mine, err1 := f.Stat()
		there, err2 := s.disk.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return state.NewOperation(id, f, func() { _ = s.disk.Remove(name) }), nil
		}
		f.Close()
	}
}

// SweepOperations removes what operations left that died before they put an intent
// on the board, or after they took it off: their lock files, and what they had
// staged.
func (s *Store) SweepOperations() error {
	names, err := s.names(s.abs(state.OpsDir))
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
			if err := s.fs.Remove(s.abs(state.OpsDir + "/" + name)); !missing(err) {
				errs = append(errs, err)
			}
		}
		if !slices.Contains(names, id+".json") {
			op.Close()
		} else {
			op.File().Close()
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
