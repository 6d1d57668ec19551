//go:build unix

package runner

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// maxPipe is the most that a pipe holds where a process enlarged it (Linux).
const maxPipe = 1 << 20

// systemShell's limit is that of Linux for one argument, less its NUL.
func systemShell() shell {
	return shell{path: "/bin/sh", limit: 128<<10 - 1}
}

// detach gives a supervisor a session of its own: what a terminal sends to the
// server does not reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// selfPath is this program, also when its file was replaced meanwhile.
func selfPath() (string, error) {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		return "/proc/self/exe", nil
	}
	if runtime.GOOS == "linux" {
		return "", ErrNoProc
	}
	return os.Executable()
}

// listen returns the signals that mean something to a supervisor. A pipe without
// a reader answers an error instead of ending it, and its children get the
// default back, of SIGHUP too where nohup had it ignored.
func listen() (look, end chan os.Signal) {
	look, end = make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Reset(syscall.SIGPIPE)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP)
	signal.Notify(look, syscall.SIGUSR1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	return look, end
}

// nudge makes a supervisor look for its stop file, if the run is still its own:
// on Linux the process is held before the lock is looked at, so the signal can
// reach no other.
func nudge(dir string, r Record) {
	p, err := os.FindProcess(r.Supervisor)
	if err != nil {
		return
	}
	defer p.Release()
	if held(dir, r.ID) {
		p.Signal(syscall.SIGUSR1)
	}
}

// interrupt ends a Read of the pipe, now and later, with os.ErrDeadlineExceeded.
func interrupt(pipe *os.File) { pipe.SetReadDeadline(time.Now()) }

// readRest copies what is in the pipe now and does not wait for more.
func readRest(pipe *os.File, w io.Writer) {
	if pipe.SetReadDeadline(time.Time{}) != nil {
		return
	}
	conn, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 32<<10)
	for rest := maxPipe; rest > 0; {
		n := readNow(conn, buf)
		if n <= 0 {
			return
		}
		w.Write(buf[:n])
		rest -= n
	}
}

func readNow(conn syscall.RawConn, buf []byte) int {
	n := 0
	err := conn.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), buf)
		return true
	})
	if err != nil {
		return 0
	}
	return n
}
