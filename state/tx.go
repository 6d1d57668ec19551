package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
)

// View is the board at one instant. Its methods read; what they return belongs to the caller.
type View struct {
	store *Store
	over  map[string]*string // content that is committed or staged but not in the files; nil: no file

	seen map[string][]byte // what was read, kept under the lock; nil elsewhere

	logSize *int64   // how much of the event log counts; nil: all of it
	lines   [][]byte // the lines that follow it
}

// Tx is the board under its lock, with the changes made so far. Nothing of it
// reaches the disk before the function that got it has returned nil.
type Tx struct {
	View
	seq    int64
	nextID int
	at     float64
	before map[string]string // hash of each file that is changed
	order  []string
	events []Event
	err    error // first failure of a change; the transaction fails with it
}

func (s *Store) newTx(m marker) *Tx {
	return &Tx{View: View{store: s, over: map[string]*string{}, seen: map[string][]byte{}}, seq: m.Seq, nextID: max(m.NextID, 1), at: s.Now(),
		before: map[string]string{}}
}

// Problem is a file of the board that cannot be read; the rest of the board goes on.
type Problem struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// read returns the content of a board file as this view has it.
func (v *View) read(path string, limit int64) ([]byte, error) {
	if content, ok := v.over[path]; ok {
		if content == nil {
			return nil, os.ErrNotExist
		}
		return []byte(*content), nil
	}
	data, err := v.store.readFile(v.store.abs(path), limit)
	if v.seen != nil && err == nil {
		v.seen[path] = data
	}
	return data, err
}

// Task returns the task, whatever its status. The error is NotFound or Corrupt.
func (v *View) Task(id int) (Task, error) {
	data, err := v.read(taskPath(id), maxTaskFile)
	if missing(err) {
		return Task{}, Errorf(NotFound, "call task_list to see the tasks", "there is no task %d", id).With("task_id", id)
	}
	if err == nil {
		var t Task
		if t, err = parseTask(id, data); err == nil {
			return t, nil
		}
	}
	return Task{}, v.corrupt(taskPath(id), err)
}

func (v *View) corrupt(path string, err error) *Error {
	var known *Error
	if errors.As(err, &known) && known.Code == Corrupt {
		return known
	}
	name := v.store.abs(path)
	return Errorf(Corrupt, "mend the file by hand, or move it away; nothing was changed", "file %s cannot be read", name).
		With("file", name).because(err)
}

func (v *View) taskIDs() ([]int, error) {
	names, err := v.store.names(v.store.abs(TasksDir))
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	seen := map[int]bool{}
	for _, name := range names {
		if id, ok := taskID(name); ok {
			seen[id] = true
		}
	}
	for path := range v.over {
		if id, ok := taskID(strings.TrimPrefix(path, TasksDir+"/")); ok {
			seen[id] = true
		}
	}
	ids := make([]int, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	sort.Ints(ids)
	return ids, nil
}

// names lists a directory; a missing one is empty.
func (s *Store) names(dir string) ([]string, error) {
	f, err := s.fs.Open(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

func (v *View) index() (index, error) {
	data, err := v.read(IndexFile, maxIndexFile)
	if missing(err) {
		return index{}, nil
	}
	if err == nil {
		var x index
		if x, err = parseIndex(data); err == nil {
			return x, nil
		}
	}
	broken := v.corrupt(IndexFile, err)
	if CodeOf(err) != Corrupt {
		broken.Hint = "wt-mcp doctor --fix keeps it aside and rebuilds it from git; so does the next change of a worktree"
	}
	if broken.Err == nil {
		broken.Err = ErrIndex
	} else {
		broken.Err = fmt.Errorf("%w: %w", ErrIndex, broken.Err)
	}
	return index{}, broken
}

// ErrIndex is in the chain of errors that say the registry cannot be read.
var ErrIndex = errors.New("the registry is broken")

// Worktrees returns the registry in its own order, removed entries included.
func (v *View) Worktrees() ([]Worktree, error) {
	x, err := v.index()
	return x.Worktrees, err
}

// Worktree returns the live entry of that name, or the removed one if there is
// none; ok is false where the name was never used.
func (v *View) Worktree(name string) (w Worktree, ok bool, err error) {
	x, err := v.index()
	if i := x.find(name); err == nil && i >= 0 {
		return x.Worktrees[i], true, nil
	}
	return Worktree{}, false, err
}

// CreateTask adds a task and gives it its id, which no task ever had, its
// version and its times.
func (tx *Tx) CreateTask(t Task) Task {
	t.ID, t.Version, t.CreatedAt, t.UpdatedAt = tx.NextID(), 1, tx.at, tx.at
	tx.nextID++
	tx.set(taskPath(t.ID), t)
	return t
}

// NextID is the id that the next task will get.
func (tx *Tx) NextID() int {
	if _, err := tx.store.lstat(tx.store.abs(taskPath(tx.nextID))); err == nil {
		ids, err := tx.taskIDs()
		tx.fail(err)
		if n := len(ids); n > 0 {
			tx.nextID = max(tx.nextID, ids[n-1]+1)
		}
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
	tx.set(taskPath(t.ID), t)
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
			old, err = tx.store.readFile(tx.store.abs(path), maxIndexFile)
			if err != nil && !missing(err) {
				tx.fail(tx.corrupt(path, err))
				return
			}
			there = err == nil
		}
		tx.before[path] = hashOf(old, there)
		tx.order = append(tx.order, path)
	}
	if v == nil {
		tx.over[path] = nil
		return
	}
	data, err := file(v)
	tx.fail(err)
	content := string(data)
	tx.over[path] = &content
}

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

func (tx *Tx) empty() bool { return len(tx.order) == 0 && len(tx.events) == 0 }

// record is the transaction as the journal has it.
func (tx *Tx) record() (record, error) {
	r := record{Seq: tx.seq + int64(len(tx.events)), NextID: tx.nextID}
	for _, path := range tx.order {
		r.Writes = append(r.Writes, write{Path: path, Before: tx.before[path], After: tx.over[path]})
	}
	for i, e := range tx.events {
		e.Seq, e.TS = tx.seq+int64(i)+1, tx.at
		line, err := encode(e)
		if err != nil {
			return record{}, fmt.Errorf("encode event %s: %w", e.Event, err)
		}
		r.Events = append(r.Events, line)
	}
	return r, nil
}

func hashOf(data []byte, exists bool) string {
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
	data, err := tx.store.readFile(tx.store.abs(IndexFile), maxIndexFile)
	if err != nil {
		return "", fmt.Errorf("read registry: %w", err)
	}
	if kept, err = tx.store.setAside("index.json", data); err != nil {
		return "", err
	}
	tx.set(IndexFile, index{})
	return kept, nil
}
