package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Tx is the board as it was when a change began, with the changes made so far. Nothing
// of it reaches the store before the function that got it has returned nil.
type Tx struct {
	View
	start  Start
	nextID int
	at     float64
	before map[string]string // hash of each value that is changed
	order  []string
	events []Event
	err    error // first failure of a change; the transaction fails with it
}

// CreateTask adds a task and gives it its id, which no task ever had, its
// version and its times.
func (tx *Tx) CreateTask(t Task) Task {
	t.ID, t.Version, t.CreatedAt, t.UpdatedAt = tx.NextID(), 1, tx.at, tx.at
	tx.nextID++
	tx.set(TaskKey(t.ID), t)
	return t
}

// NextID is the id that the next task will get.
func (tx *Tx) NextID() int {
	if _, err := tx.from.Read(TaskKey(tx.nextID), 0); !missing(err) {
		names, err := tx.from.List(TasksDir)
		if err != nil {
			tx.fail(fmt.Errorf("list tasks: %w", err))
		}
		tx.nextID = max(tx.nextID, HighestTask(names)+1)
	}
	return tx.nextID
}

// PutTask writes a task that exists, one version on. Keys that we do not know
// stay as the file has them now, wherever t came from.
func (tx *Tx) PutTask(t Task) Task {
	if now, err := tx.Task(t.ID); err == nil {
		t.raw = now.raw
	}
	t.Version, t.UpdatedAt = t.Version+1, tx.at
	tx.set(TaskKey(t.ID), t)
	return t
}

// PutWorktree writes an entry of the registry in place of the one of its name.
func (tx *Tx) PutWorktree(w Worktree) {
	x, err := tx.index()
	if err != nil {
		tx.fail(err)
		return
	}
	x.put(w)
	tx.set(IndexFile, x)
}

// Emit adds an event; its sequence number and time are given on commit.
func (tx *Tx) Emit(e Event) { tx.events = append(tx.events, e) }

// At is the time of the transaction, in epoch seconds.
func (tx *Tx) At() float64 { return tx.at }

// set stages the new content of a file; v is its value, or nil to remove it.
func (tx *Tx) set(path string, v any) {
	if _, seen := tx.before[path]; !seen {
		old, there := tx.seen[path]
		if !there {
			var err error
			old, err = tx.from.Read(path, MaxValue)
			if err != nil && !missing(err) {
				tx.fail(tx.corrupt(path, err))
				return
			}
			there = err == nil
		}
		tx.before[path] = Hash(old, there)
		tx.order = append(tx.order, path)
	}
	if v == nil {
		tx.staged[path] = nil
		return
	}
	data, err := file(v)
	tx.fail(err)
	content := string(data)
	tx.staged[path] = &content
}

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

func (tx *Tx) batch() (Batch, error) {
	b := Batch{Seq: tx.start.Seq + int64(len(tx.events)), NextID: tx.nextID}
	for _, path := range tx.order {
		b.Writes = append(b.Writes, Write{Path: path, Before: tx.before[path], After: tx.staged[path]})
	}
	for i, e := range tx.events {
		e.Seq, e.TS = tx.start.Seq+int64(i)+1, tx.at
		line, err := Encode(e)
		if err != nil {
			return Batch{}, fmt.Errorf("encode event %s: %w", e.Event, err)
		}
		b.Events = append(b.Events, line)
	}
	return b, nil
}

// Hash names the content of a value; "" where there is none.
func Hash(data []byte, exists bool) string {
	if !exists {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// SetIndexAside keeps a registry that cannot be read under another name and
// begins an empty one. It returns where the old one went.
func (tx *Tx) SetIndexAside() (kept string, err error) {
	if _, err := tx.index(); !errors.Is(err, ErrIndex) {
		return "", Errorf(Conflict, "repeat the call", "the registry can be read again")
	}
	data, err := tx.from.Read(IndexFile, MaxValue)
	if err != nil {
		return "", fmt.Errorf("read registry: %w", err)
	}
	if kept, err = tx.start.SetAside("index.json", data); err != nil {
		return "", err
	}
	tx.set(IndexFile, index{})
	return kept, nil
}
