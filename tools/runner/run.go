package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// DefaultOutputBudget is the size of Output in bytes where a Command names none.
const DefaultOutputBudget = 8000

// Errors of a command that was not started.
var (
	ErrNUL     = errors.New("it contains a NUL byte")
	ErrTooLong = errors.New("it is longer than the system takes")
	ErrNoDir   = errors.New("no such directory")
	ErrNoShell = errors.New("no such shell")
)

// Command is one shell command to run.
type Command struct {
	Script       string        // handed to the shell as one argument, at most 128 KB on Unix
	Dir          string        // absolute; an empty one is refused, it never means the current directory
	Env          []string      // the complete environment, see Environment; nil means empty
	Timeout      time.Duration // zero or less: none
	OutputBudget int           // bytes of Output; zero or less: DefaultOutputBudget
}

// Status tells why a run is over.
type Status string

const (
	Exited    Status = "exited"    // the shell ended by itself, or by a stranger's signal
	TimedOut  Status = "timed_out" // Command.Timeout was over first
	Cancelled Status = "cancelled" // the context was done first, whatever the reason
)

// Result is what became of a command.
type Result struct {
	Status Status
	// ExitCode is the shell's own: 128+n where signal n ended it. With TimedOut
	// and Cancelled it is what the shell made of the SIGTERM (143, or any code
	// that a trap chose, 0 too), or 137; -1 where the context was done before
	// anything started, or where the system does not tell.
	ExitCode    int
	Output      string        // stdout and stderr as valid UTF-8 with no control character but \n and \t
	OutputBytes int64         // bytes that came out of the pipe, before cleaning
	Truncated   bool          // a part in the middle of the cleaned text is left out of Output
	Duration    time.Duration // from the start of the shell to the answer
}

// Run runs c and waits for its end. The error is non-nil only if the command
// could not be started; ErrNUL, ErrTooLong, ErrNoDir and ErrNoShell say why.
func Run(ctx context.Context, c Command) (Result, error) {
	return run(ctx, systemShell(), c)
}

func run(ctx context.Context, sh shell, c Command) (Result, error) {
	if err := c.check(sh); err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{Status: Cancelled, ExitCode: unknownCode}, nil
	}
	began := time.Now()
	p, err := start(c.prepare(sh), c.budget())
	if err != nil {
		return Result{}, c.explain(sh, err)
	}
	status := p.await(ctx, c.Timeout)
	code := p.end(status)
	output, truncated := p.out.text()
	return Result{
		Status: status, ExitCode: code, Duration: time.Since(began),
		Output: output, OutputBytes: p.out.raw, Truncated: truncated,
	}, nil
}

// shell is the program that runs a script.
type shell struct {
	path    string
	limit   int  // bytes of a script
	oneLine bool // it ignores all lines after the first
}

func (c Command) check(sh shell) error {
	if strings.ContainsRune(c.Script, 0) {
		return fmt.Errorf("read command: %w", ErrNUL)
	}
	if slices.ContainsFunc(c.Env, func(entry string) bool { return strings.ContainsRune(entry, 0) }) {
		return fmt.Errorf("read environment: %w", ErrNUL)
	}
	if len(c.Script) > sh.limit {
		return fmt.Errorf("read command: %w (%d bytes, at most %d): write it to a file and run that", ErrTooLong, len(c.Script), sh.limit)
	}
	if sh.oneLine && strings.Contains(strings.TrimSpace(c.Script), "\n") {
		return fmt.Errorf("start shell sh: %w, and %q runs one line only", ErrNoShell, sh.path)
	}
	if c.Dir == "" {
		return fmt.Errorf("enter directory %q: %w", c.Dir, ErrNoDir)
	}
	return nil
}

func (c Command) budget() int {
	if c.OutputBudget <= 0 {
		return DefaultOutputBudget
	}
	return c.OutputBudget
}

// explain finds what kept the shell from starting: the system's own error names
// the shell where it means the directory.
func (c Command) explain(sh shell, err error) error {
	if info, statErr := os.Stat(c.Dir); statErr != nil || !info.IsDir() {
		return fmt.Errorf("enter directory %q: %w", c.Dir, ErrNoDir)
	}
	if errors.Is(err, syscall.E2BIG) {
		return fmt.Errorf("start shell: %w: command and environment together", ErrTooLong)
	}
	if _, statErr := os.Stat(sh.path); statErr != nil {
		return fmt.Errorf("start shell %q: %w", sh.path, ErrNoShell)
	}
	return fmt.Errorf("start shell %q: %w", sh.path, err)
}
