package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// ErrUnknown is what a run that is not on record answers.
var ErrUnknown = errors.New("no such run")

// Record is what is known of a run: the file <run_id>.json beside its log. It is
// replaced as a whole, by the supervisor while that lives, then by whoever
// holds the run's lock.
type Record struct {
	ID             string   `json:"run_id"`
	Worktree       string   `json:"worktree"`
	Path           string   `json:"path"`
	Command        string   `json:"command"`
	Task           int      `json:"task,omitempty"`
	Actor          string   `json:"actor,omitempty"`
	Background     bool     `json:"background"`
	TimeoutSeconds float64  `json:"timeout_seconds"`
	Supervisor     int      `json:"supervisor"` // its process
	Containment    string   `json:"containment"`
	EnvDropped     []string `json:"env_dropped,omitempty"`
	LogLimit       int64    `json:"log_limit"`
	Root           string   `json:"root"` // the main checkout

	Status Status `json:"status"`
	// ExitCode is the shell's own: 128+n where signal n ended it. With TimedOut
	// and Cancelled it is what the shell made of the SIGTERM (143, or any code
	// that a trap chose, 0 too), or 137; -1 where the system does not tell.
	ExitCode    int      `json:"exit_code"`
	Cause       string   `json:"cause,omitempty"` // why it was cancelled
	StartedAt   float64  `json:"started_at"`
	EndedAt     float64  `json:"ended_at,omitempty"`
	Duration    float64  `json:"duration_seconds,omitempty"` // from the start of the shell to the end of the last process
	OutputBytes int64    `json:"output_bytes"`
	LeftRunning []string `json:"left_running,omitempty"` // what the shell left and was ended
	Survivors   []string `json:"survivors,omitempty"`    // what could not be ended
	LogError    string   `json:"log_error,omitempty"`
	MainChanges []string `json:"main_checkout_changes,omitempty"` // what changed in the main checkout meanwhile
	MainUnseen  bool     `json:"main_checkout_unseen,omitempty"`  // it was not looked at
	Told        bool     `json:"told,omitempty"`                  // the end is told
}

// WholeHold is the containment that nothing of a run leaves.
const WholeHold = "subreaper"

func newRecord(s Spec, now time.Time) Record {
	return Record{ID: s.ID, Worktree: s.Worktree, Path: s.Path, Command: s.Script, Task: s.Task, Actor: s.Actor,
		Background: s.Background, TimeoutSeconds: s.Timeout.Seconds(), Supervisor: os.Getpid(), Containment: containment(),
		Root: s.Root, EnvDropped: s.Dropped, LogLimit: s.LogLimit, Status: Running, StartedAt: epoch(now)}
}

func epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Over reports whether the run has ended.
func (r Record) Over() bool { return r.Status != Running }

// Seconds is how long the run took, or has taken so far.
func (r Record) Seconds(now time.Time) float64 {
	if r.Over() {
		return r.Duration
	}
	return max(0, epoch(now)-r.StartedAt)
}

// maxRecord bounds what is read of a file beside the logs.
const maxRecord = 4 << 20

func readRecord(dir, id string) (Record, error) {
	if !IsID(id) {
		return Record{}, fmt.Errorf("run %.40q: %w", id, ErrUnknown)
	}
	data, err := readFile(file(dir, id, ".json"), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, fmt.Errorf("run %s: %w", id, ErrUnknown)
	}
	var r Record
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return Record{}, fmt.Errorf("read record of run %s: %w", id, err)
	}
	return r, nil
}

func (r Record) write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode record of run %s: %w", r.ID, err)
	}
	if err := replaceFile(file(dir, r.ID, ".json"), append(data, '\n')); err != nil {
		return fmt.Errorf("write record of run %s: %w", r.ID, err)
	}
	return nil
}
