package runner

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

const (
	settle   = 100 * time.Millisecond // for the pipe to close once nobody should hold it
	farewell = 50 * time.Millisecond  // SIGTERM to SIGKILL for what a finished shell left behind
	grace    = 500 * time.Millisecond // SIGTERM to SIGKILL after a timeout or a cancel
	lastWait = 2 * time.Second        // for a killed shell that the kernel does not let go
)

const (
	killedCode  = 128 + 9 // of a shell ended by SIGKILL
	unknownCode = -1      // of a shell that never ran or that somebody else reaped
)

// process is a started shell with all that it starts.
type process struct {
	cmd   *exec.Cmd
	tree  tree
	pipe  *os.File
	out   *capture
	ended chan struct{} // closed when the shell has ended
	read  chan struct{} // closed when nothing more is read; out may be used then
}

// prepare builds what starts the shell. A nil Env would mean ours to os/exec.
func (c Command) prepare(sh shell) *exec.Cmd {
	cmd := sh.command(c.Script)
	cmd.Dir = c.Dir
	cmd.Env = append([]string{}, c.Env...)
	return cmd
}

func start(cmd *exec.Cmd, budget int) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		r.Close()
		return nil, err
	}
	p := &process{
		cmd: cmd, tree: newTree(cmd.Process), pipe: r, out: newCapture(budget),
		ended: make(chan struct{}), read: make(chan struct{}),
	}
	go p.watch()
	go p.collect()
	return p, nil
}

func (p *process) watch() {
	defer close(p.ended)
	awaitEnd(p.cmd)
}

func (p *process) collect() {
	defer close(p.read)
	_, err := io.Copy(p.out, p.pipe)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		readRest(p.pipe, p.out)
	}
}

// await waits for the first of end, timeout and cancel. An end that has
// already happened wins.
func (p *process) await(ctx context.Context, timeout time.Duration) Status {
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	status := Exited
	select {
	case <-p.ended:
	case <-expired:
		status = TimedOut
	case <-ctx.Done():
		status = Cancelled
	}
	if within(0, p.ended) {
		return Exited
	}
	return status
}

// end ends what still runs, collects what was written and returns the exit
// code. The shell is reaped last: until then its group's number is not reused.
func (p *process) end(status Status) int {
	patience := grace
	if status == Exited {
		within(settle, p.read)
		patience = farewell
	}
	p.tree.terminate()
	within(patience, p.ended, p.read)
	p.tree.kill()
	gone := within(lastWait, p.ended)
	within(farewell, p.read)
	p.stopReading()
	if !gone {
		go func() { <-p.ended; p.reap() }()
		return killedCode
	}
	return p.reap()
}

func (p *process) stopReading() {
	interrupt(p.pipe)
	<-p.read
	p.pipe.Close()
}

func (p *process) reap() int {
	if p.cmd.ProcessState == nil {
		p.cmd.Wait()
	}
	p.tree.release()
	if p.cmd.ProcessState == nil {
		return unknownCode
	}
	return exitCode(p.cmd.ProcessState)
}

// within reports whether all of events came to pass in time.
func within(d time.Duration, events ...<-chan struct{}) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	for _, event := range events {
		select {
		case <-event:
			continue
		default:
		}
		select {
		case <-event:
		case <-limit.C:
			return false
		}
	}
	return true
}
