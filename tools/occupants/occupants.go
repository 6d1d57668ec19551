// Package occupants says which processes are at work in a directory: those that
// have their working directory, or their root, in it.
//
// On Linux it reads /proc, on macOS it asks lsof where that is installed;
// elsewhere nothing is known. Processes of other users that the system does not
// show are not found. It changes nothing and is safe for concurrent use.
package occupants

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrUnknown is what a system answers that does not tell.
var ErrUnknown = errors.New("this system does not tell which processes are in a directory")

// Process is one process with its directory in the one that was asked about.
type Process struct {
	PID       int
	Command   string // its arguments, or its name; what the process says of itself, so anything
	Dir       string // where it is
	Ancestors []int  // its parent, that one's parent, and so on
}

// Callers are the processes that this one was started by: its parent, that one's
// parent, and so on, but for the first of the system. It is empty where the system
// does not tell.
func Callers() []int {
	return slices.DeleteFunc(ancestors(os.Getpid()), func(pid int) bool { return pid <= 1 })
}

// settle is how long a process must stay to count: a git or a prompt that looks
// at the directory is gone by then.
const settle = 150 * time.Millisecond

// Staying lists the processes in dir but for those that skip names or that are
// gone a moment later. It takes that moment only where there is one.
func Staying(dir string, skip func(Process) bool) ([]Process, error) {
	first, err := look(dir, skip)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	time.Sleep(settle)
	again, err := look(dir, skip)
	was := map[int]bool{}
	for _, p := range first {
		was[p.PID] = true
	}
	var stayed []Process
	for _, p := range again {
		if was[p.PID] {
			stayed = append(stayed, p)
		}
	}
	return stayed, err
}

func look(dir string, skip func(Process) bool) ([]Process, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	all, err := in(real)
	var kept []Process
	for _, p := range all {
		if !skip(p) {
			kept = append(kept, p)
		}
	}
	return kept, err
}

// within reports whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
