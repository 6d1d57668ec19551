package state

import (
	"errors"
	"fmt"
	"io/fs"
)

// View is the board at one instant. Its methods read; what they return belongs to the caller.
type View struct {
	from   Source
	staged map[string]*string // what a transaction changed so far; nil: removed
	seen   map[string][]byte  // what a transaction read; nil elsewhere
}

// NewView is the board as it is at the source.
func NewView(from Source) *View { return &View{from: from} }

// Now is the board's clock, in the form that the files have it.
func (v *View) Now() float64 { return v.from.Now() }

// Going reports whether the owner of an operation, or a child of it, lives.
func (v *View) Going(id string) bool { return v.from.Going(id) }

// Problem is a file of the board that cannot be read; the rest of the board goes on.
type Problem struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// read returns the content of a board file as this view has it.
func (v *View) read(path string, limit int64) ([]byte, error) {
	if content, ok := v.staged[path]; ok {
		if content == nil {
			return nil, fs.ErrNotExist
		}
		return []byte(*content), nil
	}
	data, err := v.from.Read(path, limit)
	if v.seen != nil && err == nil {
		v.seen[path] = data
	}
	return data, err
}

// Task returns the task, whatever its status. The error is NotFound or Corrupt.
func (v *View) Task(id int) (Task, error) {
	data, err := v.read(TaskKey(id), MaxTask)
	if missing(err) {
		return Task{}, Errorf(NotFound, "call task_list to see the tasks", "there is no task %d", id).With("task_id", id)
	}
	if err == nil {
		var t Task
		if t, err = parseTask(id, data); err == nil {
			return t, nil
		}
	}
	return Task{}, v.corrupt(TaskKey(id), err)
}

func (v *View) corrupt(path string, err error) *Error {
	var known *Error
	if errors.As(err, &known) && known.Code == Corrupt {
		return known
	}
	name := v.from.Where(path)
	return Errorf(Corrupt, "mend the file by hand, or move it away; nothing was changed", "file %s cannot be read", name).
		With("file", name).because(err)
}

// Tasks are all tasks as this view has them, those included that a transaction
// has staged.
func (v *View) Tasks() (*Tasks, error) {
	tasks, err := v.from.Tasks()
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return tasks.Over(v.staged, v.from.Where), nil
}

func (v *View) index() (index, error) {
	data, err := v.read(IndexFile, MaxValue)
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

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
