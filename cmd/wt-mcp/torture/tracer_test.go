//go:build linux && (amd64 || arm64)

package torture_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer runs a server under ptrace, counts the system calls that change
// something, of all its threads together, and kills at a given one of them,
// before the kernel does it. (strace can inject a signal as well, but counts for
// each thread apart, and a Go program decides at random which thread does what.)
type tracer struct {
	family bool // count and kill the children too; else they are not traced and live on
	fatal  int64

	counting atomic.Bool
	count    int64          // of calls while counting
	inCall   map[int]bool   // threads between the entry and the exit of a call
	seen     map[string]int // what was counted
	last     string
	done     chan struct{}
}

// start runs the server under a tracer of its own.
func (tr *tracer) start(t *testing.T, s *server) {
	t.Helper()
	tr.inCall, tr.seen, tr.done = map[int]bool{}, map[string]int{}, make(chan struct{})
	stdout, err := s.pipes()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.SysProcAttr.Ptrace = true
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: only the thread that started it may trace it
		err := s.cmd.Start()
		if err == nil {
			err = tr.attach(s.cmd.Process.Pid)
		}
		started <- err
		if err == nil {
			tr.loop(s.cmd.Process.Pid)
		}
		close(tr.done)
	}()
	if err := <-started; err != nil {
		t.Skipf("ptrace is not allowed here: %v", err)
	}
	go func() {
		s.read(stdout)
		<-tr.done
		_ = s.cmd.Wait()
		close(s.ended)
	}()
}

func (tr *tracer) attach(pid int) error {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		return err
	}
	options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC
	if tr.family {
		options |= unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_EXITKILL
	}
	if err := syscall.PtraceSetOptions(pid, options); err != nil {
		return err
	}
	return syscall.PtraceSyscall(pid, 0)
}

// loop follows every thread until none is left. The server's main thread is
// left for cmd.Wait to reap.
func (tr *tracer) loop(server int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WSTOPPED|unix.WALL|unix.WNOTHREAD|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		pid := int(*(*int32)(unsafe.Pointer(uintptr(unsafe.Pointer(&info)) + 16))) // si_pid
		if err != nil || pid == server && (info.Code == 1 || info.Code == 2 || info.Code == 3) {
			return // CLD_EXITED, CLD_KILLED, CLD_DUMPED
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &ws, unix.WALL|unix.WNOTHREAD, nil); err != nil || !ws.Stopped() {
			continue
		}
		tr.stopped(pid, server, ws)
	}
}

// stopped looks why a thread stopped, and lets it go on.
func (tr *tracer) stopped(tid, server int, ws syscall.WaitStatus) {
	signal := 0
	switch sig := ws.StopSignal(); {
	case sig == syscall.SIGTRAP|0x80:
		tr.inCall[tid] = !tr.inCall[tid]
		if tr.inCall[tid] && tr.counting.Load() && tr.counts(tid) {
			tr.kill(server)
		}
	case sig == syscall.SIGTRAP && ws.TrapCause() == unix.PTRACE_EVENT_EXEC:
		// the exit of execve follows
	case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP: // an event, a new thread, or our own stop
	default:
		signal = int(sig)
	}
	_ = syscall.PtraceSyscall(tid, signal)
}

// counts reports whether this call is the fatal one.
func (tr *tracer) counts(tid int) bool {
	name, ok := changing(tid)
	if !ok {
		return false
	}
	tr.seen[name]++
	if tr.count++; tr.count != tr.fatal {
		return false
	}
	tr.last = name
	return true
}

// kill ends the server, and with family all that are traced, by their stopped
// threads.
func (tr *tracer) kill(server int) {
	_ = syscall.Kill(server, syscall.SIGKILL)
	if !tr.family {
		return
	}
	for tid := range tr.inCall {
		_ = syscall.Kill(tid, syscall.SIGKILL)
	}
}

// changing names the system call at whose entry a thread stopped, if it can
// change what others see. Between two of them a kill makes no difference.
func changing(tid int) (string, bool) {
	var info [88]byte // struct ptrace_syscall_info
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, 0x420e, uintptr(tid), uintptr(len(info)), uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if errno != 0 || info[0] != 1 {
		return "", false
	}
	number := binary.NativeEndian.Uint64(info[24:])
	arg := func(i int) uint64 { return binary.NativeEndian.Uint64(info[32+8*i:]) }
	switch name := callNames()[number]; {
	case name == "":
		return "", false
	case name == "openat" && arg(2)&(unix.O_CREAT|unix.O_TRUNC) == 0:
		return "", false
	case name == "clone" && arg(0)&unix.CLONE_THREAD != 0:
		return "", false
	default:
		return name, true
	}
}

// callNames are the system calls that both architectures have; more comes from
// the file of each.
func callNames() map[uint64]string {
	names := map[uint64]string{
		unix.SYS_OPENAT: "openat", unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "pwrite64", unix.SYS_WRITEV: "writev",
		unix.SYS_RENAMEAT: "renameat", unix.SYS_RENAMEAT2: "renameat2", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_MKDIRAT: "mkdirat",
		unix.SYS_LINKAT: "linkat", unix.SYS_SYMLINKAT: "symlinkat", unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_FCHMODAT: "fchmodat",
		unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync", unix.SYS_FLOCK: "flock",
		unix.SYS_CLONE: "clone", unix.SYS_CLONE3: "clone3", unix.SYS_EXECVE: "execve", unix.SYS_EXIT_GROUP: "exit_group",
	}
	for number, name := range archCalls() {
		names[number] = name
	}
	return names
}

func (tr *tracer) String() string {
	var parts []string
	for name, n := range tr.seen {
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}
