package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Landing is what a landing did. It is kept among the board's private files, so that it
// can be undone when its lane has long been removed.
type Landing struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`             // of the lane
	Branch   string  `json:"branch,omitempty"` // that the lane was on; "" where its HEAD was detached
	TaskID   *int    `json:"task_id,omitempty"`
	Target   string  `json:"target"` // full name of the branch
	Strategy string  `json:"strategy"`
	Head     string  `json:"head"`    // the lane's commit that landed
	Before   string  `json:"before"`  // the target's tip before it
	After    string  `json:"after"`   // and after it
	Commits  int     `json:"commits"` // of the lane
	Undoes   string  `json:"undoes,omitempty"`
	Undone   string  `json:"undone,omitempty"` // the landing that took it back
	Actor    string  `json:"actor,omitempty"`
	At       float64 `json:"at"`
}

// The strategies of a landing. StrategyUndo takes another one back.
const (
	StrategyMerge  = "merge"
	StrategySquash = "squash"
	StrategyRebase = "rebase"
	StrategyFF     = "ff"
	StrategyUndo   = "undo"
)

// Landed is what the registry says of a worktree's last landing.
type Landed struct {
	Landing  string  `json:"landing" jsonschema:"what worktree_merge takes as undo"`
	Target   string  `json:"target"`
	Head     string  `json:"head" jsonschema:"the commit of the worktree that landed"`
	Commit   string  `json:"commit" jsonschema:"the target's tip with it"`
	Strategy string  `json:"strategy"`
	At       float64 `json:"at"`
	Undone   string  `json:"undone,omitempty" jsonschema:"the landing that took it back"`
}

// Short is the landing as the registry has it.
func (l Landing) Short() *Landed {
	return &Landed{Landing: l.ID, Target: strings.TrimPrefix(l.Target, "refs/heads/"), Head: l.Head, Commit: l.After, Strategy: l.Strategy, At: l.At}
}

func landingKey(id string) string { return landingsDir + "/" + id + ".json" }

// Landing finds what a landing did, by its id.
func (v *View) Landing(id string) (l Landing, ok bool, err error) {
	if !isLandingID(id) {
		return l, false, nil
	}
	data, err := v.read(landingKey(id), MaxTask)
	if missing(err) {
		return l, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil {
		return l, false, v.corrupt(landingKey(id), err)
	}
	return l, true, nil
}

// isLandingID keeps what a client passes from being a path: ids are those of operations.
func isLandingID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
	})
}

// Landings lists what all landings did, the oldest first.
func (v *View) Landings() (all []Landing, err error) {
	names, err := v.from.List(landingsDir)
	if err != nil {
		return nil, fmt.Errorf("list landings: %w", err)
	}
	for path := range v.staged {
		if name, ok := strings.CutPrefix(path, landingsDir+"/"); ok {
			names = append(names, name)
		}
	}
	for _, id := range uniqueIDs(names) {
		l, ok, err := v.Landing(id)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b Landing) int { return int(min(1, max(-1, (a.At-b.At)*1e6))) })
	return all, nil
}

// PutLanding keeps what a landing did.
func (tx *Tx) PutLanding(l Landing) { tx.set(landingKey(l.ID), l) }
