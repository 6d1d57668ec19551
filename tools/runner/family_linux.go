package runner

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// containment says how well a run is held on this system.
func containment() string { return WholeHold }

// contain makes this process the parent of all orphans below it, so that nothing
// a run starts can leave, marks them, and takes from them core dumps, what we were
// given open (older kernels cannot do that) and the sight of our memory. The thread
// is kept: the shell dies with the thread that started it.
func contain() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	return errors.Join(brand(), unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}))
}

// family is a shell with all that it starts, at any depth: while one of them is
// left, this process has a child.
type family struct {
	shell int
	ended chan struct{} // the shell has ended; code is set
	gone  chan struct{} // nothing is left
	state syscall.WaitStatus
	dead  bool

	mu sync.Mutex // held while processes are named and signalled: until it is free, none is reaped and its number goes to nobody
}

func startFamily(sh shell, script string, attr *os.ProcAttr) (*family, error) {
	fds := make([]uintptr, len(attr.Files))
	for i, f := range attr.Files {
		fds[i] = f.Fd()
	}
	pid, err := syscall.ForkExec(sh.path, []string{sh.path, "-c", "--", script}, &syscall.ProcAttr{
		Dir: attr.Dir, Env: attr.Env, Files: fds,
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	f := &family{shell: pid, ended: make(chan struct{}), gone: make(chan struct{})}
	go f.reap()
	return f, nil
}

// reap takes in the dead until no child is left.
func (f *family) reap() {
	defer close(f.gone)
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || !f.bury() {
			break
		}
	}
	if !f.dead {
		close(f.ended)
	}
}

func (f *family) bury() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.buryLocked()
}

func (f *family) buryLocked() bool {
	for {
		var state syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &state, syscall.WNOHANG|unix.WALL, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return false
		case pid == 0:
			return true
		case pid == f.shell && !f.dead: // later an orphan may have got its number
			f.state, f.dead = state, true
			close(f.ended)
		}
	}
}

// code follows the shells: 128+n for signal n.
func (f *family) code() int {
	switch {
	case !within(0, f.ended) || !f.dead:
		return unknownCode
	case f.state.Signaled():
		return 128 + int(f.state.Signal())
	}
	return f.state.ExitStatus()
}

// alone reports whether nothing but this process is left, within a time.
func (f *family) alone(d time.Duration) bool { return within(d, f.gone) }

// terminate asks. A stopped process takes the signal once it continues.
func (f *family) terminate() {
	f.mu.Lock()
	defer f.mu.Unlock()
	walk(func(pid int) {
		syscall.Kill(pid, syscall.SIGTERM)
		syscall.Kill(pid, syscall.SIGCONT)
	})
}

// destroy ends all that is left, and reports whether it could.
func (f *family) destroy(limit time.Duration) bool {
	pause := time.Millisecond
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); pause = min(2*pause, 50*time.Millisecond) {
		if f.alone(0) {
			return true
		}
		f.strike(deadline)
		if f.alone(pause) {
			return true
		}
	}
	return f.alone(0)
}

// strike kills every descendant until none is left, or the time is over. Each is
// killed as soon as it is seen: a killed process forks no more, and one that
// starts its like and ends would be gone a moment later. The dead are taken away
// between two rounds, so that there is never much to look through and a round is
// shorter than the life of a forker.
func (f *family) strike(deadline time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for left := 1; left > 0 && time.Now().Before(deadline); {
		if left = 0; !f.buryLocked() {
			return
		}
		walk(func(pid int) {
			syscall.Kill(pid, syscall.SIGKILL)
			left++
		})
		if left > 0 && left < 8 { // few are left: let them die
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// walk visits every process below this one, parents first.
func walk(visit func(pid int)) {
	if !walkChildren(os.Getpid(), visit) {
		for _, p := range descendants() {
			visit(p.pid)
		}
	}
}

// walkChildren asks the kernel for the children of each thread, which takes no
// longer for the processes of others. It reports false where the kernel does not
// tell.
func walkChildren(pid int, visit func(pid int)) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(dir)
	told := err == nil
	for _, thread := range threads {
		list, err := os.ReadFile(dir + "/" + thread.Name() + "/children")
		told = told && (err == nil || pid != os.Getpid())
		for _, field := range strings.Fields(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				visit(child)
				walkChildren(child, visit)
			}
		}
	}
	return told
}

// left names what runs now. One look at the process table takes a while, and may
// fall between a process that starts its like and the like, so it is repeated
// while something is there that it does not see.
func (f *family) left() []string {
	names := f.look()
	for range 20 {
		if len(names) > 0 || f.alone(time.Millisecond) {
			break
		}
		names = f.look()
	}
	return names
}

func (f *family) look() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range descendants() {
		if p.state == "Z" || p.state == "X" {
			continue
		}
		line, _ := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/cmdline")
		name := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		if name == "" {
			name = p.name
		}
		names = append(names, name)
	}
	return names
}

// proc is one line of the system's process table.
type proc struct {
	pid, parent int
	state, name string
}

// descendants lists the processes below this one.
func descendants() []proc {
	all := processes()
	below := map[int]bool{os.Getpid(): true}
	var found []proc
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if below[p.parent] && !below[p.pid] {
				below[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

func processes() []proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var all []proc
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if stat, err := os.ReadFile("/proc/" + name + "/stat"); err == nil {
				all = append(all, parseStat(pid, string(stat)))
			}
		}
	}
	return all
}

// parseStat reads /proc/PID/stat, where the name may have anything in it.
func parseStat(pid int, stat string) proc {
	p := proc{pid: pid}
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return p
	}
	p.name = stat[open+1 : end]
	fields := strings.Fields(stat[end+1:])
	if len(fields) >= 2 {
		p.state = fields[0]
		p.parent, _ = strconv.Atoi(fields[1])
	}
	return p
}

// endMarked ends what carries the mark of a run whose supervisor was killed, and what
// any run left that has no supervisor any more. Only root can get away from both.
func endMarked(id string) {
	mark := "\x00" + MarkVariable + "=" + id + "\x00"
	own := limited() // we are in a run ourselves: others of it may be beyond our sight
	for range 50 {
		found := false
		for _, p := range processes() {
			env, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ")
			carries := err == nil && strings.Contains("\x00"+string(env)+"\x00", mark)
			if p.pid != os.Getpid() && (carries || !own && strayed(p.pid)) {
				found = syscall.Kill(p.pid, syscall.SIGKILL) == nil || found
			}
		}
		if !found {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// strayed reports whether a run started a process and no supervisor is above it. The
// way up is looked at twice, since a parent may end just then.
func strayed(pid int) bool {
	var limit unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_RSS, nil, &limit) != nil || limit.Max != branded {
		return false
	}
	for range 2 {
		if supervised, whole := lineage(pid); supervised || !whole {
			return false
		}
	}
	return true
}
