//go:build unix

package runner

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// maxPipe is the most that a pipe holds where a process enlarged it (Linux).
const maxPipe = 1 << 20

// systemShell's limit is that of Linux for one argument, less its NUL.
func systemShell() shell {
	return shell{path: "/bin/sh", limit: 128<<10 - 1}
}

func (s shell) command(script string) *exec.Cmd {
	cmd := exec.Command(s.path, "-c", "--", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// tree is the process group that the shell leads, by its number.
type tree int

func newTree(leader *os.Process) tree { return tree(leader.Pid) }

// terminate asks. A stopped process takes the signal once it continues.
func (t tree) terminate() {
	syscall.Kill(-int(t), syscall.SIGTERM)
	syscall.Kill(-int(t), syscall.SIGCONT)
}

func (t tree) kill() { syscall.Kill(-int(t), syscall.SIGKILL) }

func (t tree) release() {}

// exitCode follows the shells: 128+n for signal n.
func exitCode(state *os.ProcessState) int {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
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
