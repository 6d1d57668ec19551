package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wt-mcp/state"
)

// passedFile lists the trees that passed. What is lost of it is checked again.
const passedFile = "checks.json"

// maxPassed is how many it has.
const maxPassed = 1000

type pass struct {
	Tree string  `json:"tree"`
	Gate string  `json:"gate"`
	At   float64 `json:"at"`
}

// passes reads the list. One that is gone or broken is empty.
func (g Gate) passes() (list []pass) {
	data, err := g.State.ReadCache(passedFile)
	if err != nil || json.Unmarshal(data, &list) != nil {
		return nil
	}
	return list
}

func (g Gate) passed(tree string) bool {
	hash := g.Hash()
	for _, p := range g.passes() {
		if p.Tree == tree && p.Gate == hash {
			return true
		}
	}
	return false
}

// remember adds a tree. Two that do so at once wait for each other.
func (g Gate) remember(tree string) error {
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		unlock, err := g.State.TryLock("checks.lock")
		if errors.Is(err, state.ErrLockHeld) && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			return fmt.Errorf("remember what passed: %w", err)
		}
		defer unlock()
		break
	}
	list := append(g.passes(), pass{tree, g.Hash(), g.State.Now()})
	data, err := json.Marshal(list[max(0, len(list)-maxPassed):])
	if err == nil {
		err = g.State.WriteCache(passedFile, data)
	}
	return err
}
