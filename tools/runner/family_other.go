//go:build unix && !linux

package runner

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// containment says how well a run is held on this system: a process that leaves
// the group of its shell (setsid, set -m) escapes.
func containment() string { return "process group" }

func contain() error { return errors.Join(brand(), unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})) }

// family is a shell with all that stays in its process group.
type family struct {
	shell int
	ended chan struct{} // the shell has ended; code is set
	state syscall.WaitStatus
	known bool
}

func startFamily(sh shell, script string, attr *os.ProcAttr) (*family, error) {
	fds := make([]uintptr, len(attr.Files))
	for i, f := range attr.Files {
		fds[i] = f.Fd()
	}
	pid, err := syscall.ForkExec(sh.path, []string{sh.path, "-c", "--", script}, &syscall.ProcAttr{
		Dir: attr.Dir, Env: attr.Env, Files: fds, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, err
	}
	f := &family{shell: pid, ended: make(chan struct{})}
	go f.reap()
	return f, nil
}

// reap waits for the shell. What is left of its group keeps the group's number,
// and an empty group's number is not given out again in the moment until the
// last signal.
func (f *family) reap() {
	defer close(f.ended)
	for {
		pid, err := syscall.Wait4(f.shell, &f.state, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			f.known = pid == f.shell
			return
		}
	}
}

// code follows the shells: 128+n for signal n.
func (f *family) code() int {
	switch {
	case !within(0, f.ended) || !f.known:
		return unknownCode
	case f.state.Signaled():
		return 128 + int(f.state.Signal())
	}
	return f.state.ExitStatus()
}

// alone reports whether the group is empty, within a time.
func (f *family) alone(d time.Duration) bool {
	for deadline := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		if within(0, f.ended) && errors.Is(syscall.Kill(-f.shell, 0), syscall.ESRCH) {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
	}
}

// terminate asks. A stopped process takes the signal once it continues.
func (f *family) terminate() {
	syscall.Kill(-f.shell, syscall.SIGTERM)
	syscall.Kill(-f.shell, syscall.SIGCONT)
}

// destroy ends the group, and reports whether it could.
func (f *family) destroy(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		syscall.Kill(-f.shell, syscall.SIGKILL)
		if f.alone(20 * time.Millisecond) {
			return true
		}
	}
	return f.alone(0)
}

func (f *family) left() []string {
	if f.alone(0) {
		return nil
	}
	return []string{"processes of its group"}
}

func endMarked(string) {}
