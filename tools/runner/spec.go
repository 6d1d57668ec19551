package runner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Errors of a command that was not started.
var (
	ErrNUL     = errors.New("it contains a NUL byte")
	ErrTooLong = errors.New("it is longer than the system takes")
	ErrNoDir   = errors.New("no such directory")
	ErrNoShell = errors.New("no such shell")
	ErrNoProc  = errors.New("/proc is not mounted, and without it nobody could end what a command leaves running")
)

// Spec is one shell command to run, as its supervisor is told of it.
type Spec struct {
	ID         string        // from NewID
	Dir        string        // holds records, locks and logs
	Path       string        // the working directory, absolute
	Script     string        // handed to the shell as one argument, at most 128 KB on Unix
	Shell      string        // takes -c like sh; empty: the system's
	Env        []string      // complete, see Environment
	Timeout    time.Duration // zero or less: none
	LogLimit   int64         // bytes of output kept on disk; zero or less: DefaultLogLimit
	Background bool          // outlives the process that starts it

	Worktree string   // for the record: what the run belongs to,
	Task     int      // which task,
	Actor    string   // who started it,
	Dropped  []string // and which variables it did not get
	Root     string   // the repository, for a supervisor that outlives its server
}

// Status tells where a run stands.
type Status string

const (
	Running   Status = "running"
	Exited    Status = "exited"    // the shell ended by itself, or by a stranger's signal
	TimedOut  Status = "timed_out" // Spec.Timeout was over first
	Cancelled Status = "cancelled" // somebody stopped it, or its server or supervisor died
)

var idForm = regexp.MustCompile(`^r-[0-9a-z]{8,12}-[0-9a-z]{5}$`)

// IsID reports whether id can be the name of a run.
func IsID(id string) bool { return idForm.MatchString(id) }

// NewID makes the name of a run. Names sort by the time of their making.
func NewID(now time.Time) string {
	random := strings.ToLower(rand.Text())[:5]
	return "r-" + fmt.Sprintf("%09s", strconv.FormatInt(now.UnixMilli(), 36)) + "-" + random
}

func (s Spec) shell() shell {
	sh := systemShell()
	if s.Shell != "" {
		sh.path, sh.oneLine = s.Shell, false
	}
	return sh
}

// shell is the program that runs a script.
type shell struct {
	path    string
	limit   int  // bytes of a script
	oneLine bool // it ignores all lines after the first
}

// Check reports what keeps the run from being started, as far as it can be known
// without starting it.
func (s Spec) Check() error {
	sh := s.shell()
	if strings.ContainsRune(s.Script, 0) {
		return fmt.Errorf("read command: %w", ErrNUL)
	}
	if slices.ContainsFunc(s.Env, func(entry string) bool { return strings.ContainsRune(entry, 0) }) {
		return fmt.Errorf("read environment: %w", ErrNUL)
	}
	if len(s.Script) > sh.limit {
		return fmt.Errorf("read command: %w (%d bytes, at most %d): write it to a file and run that", ErrTooLong, len(s.Script), sh.limit)
	}
	if sh.oneLine && strings.Contains(strings.TrimSpace(s.Script), "\n") {
		return fmt.Errorf("start shell sh: %w, and %q runs one line only", ErrNoShell, sh.path)
	}
	if info, err := os.Stat(s.Path); s.Path == "" || err != nil || !info.IsDir() {
		return fmt.Errorf("enter directory %q: %w", s.Path, ErrNoDir)
	}
	return nil
}

// explain finds what kept the shell from starting: the system's own error names
// the shell where it means the directory.
func (s Spec) explain(err error) error {
	sh := s.shell()
	if info, statErr := os.Stat(s.Path); statErr != nil || !info.IsDir() {
		return fmt.Errorf("enter directory %q: %w", s.Path, ErrNoDir)
	}
	if errors.Is(err, syscall.E2BIG) {
		return fmt.Errorf("start shell: %w: command and environment together", ErrTooLong)
	}
	if _, statErr := os.Stat(sh.path); statErr != nil {
		return fmt.Errorf("start shell %q: %w", sh.path, ErrNoShell)
	}
	return fmt.Errorf("start shell %q: %w", sh.path, err)
}

// file is the path of one of a run's files.
func file(dir, id, suffix string) string { return filepath.Join(dir, id+suffix) }
