package runner

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// containment says how well a run is held on this system: a process started in
// the instant before the shell joins the job escapes it.
func containment() string { return "job object" }

func contain() error { return nil }

// systemShell is sh where one is on the PATH (Git for Windows brings it), so that
// a script means the same on all systems, else cmd.
func systemShell() shell {
	if path, err := exec.LookPath("sh"); err == nil {
		return shell{path: path, limit: 16 << 10}
	}
	path := filepath.Join(os.Getenv("SystemRoot"), "System32", "cmd.exe")
	return shell{path: path, limit: 8000, oneLine: true}
}

const killedCode = 128 + 9 // as on other systems

// family is a job object that holds the shell and its descendants.
type family struct {
	job    windows.Handle
	leader *os.Process
	ended  chan struct{} // the shell has ended; code is set
	state  *os.ProcessState
}

func startFamily(sh shell, script string, attr *os.ProcAttr) (*family, error) {
	argv := []string{sh.path, "-c", "--", script}
	attr.Sys = &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW,
	}
	if sh.oneLine {
		argv, attr.Sys.CmdLine = argv[:1], `cmd /D /S /C "`+script+`"`
	}
	job, err := newJob()
	if err != nil {
		return nil, err
	}
	leader, err := os.StartProcess(sh.path, argv, attr)
	if err != nil {
		windows.CloseHandle(job)
		return nil, err
	}
	f := &family{job: job, leader: leader, ended: make(chan struct{})}
	if err := assign(job, leader.Pid); err != nil {
		leader.Kill()
		return nil, err
	}
	go f.reap()
	return f, nil
}

func (f *family) reap() {
	defer close(f.ended)
	f.state, _ = f.leader.Wait()
}

// newJob makes a job that ends its processes when its last handle is closed,
// which is also when this process dies.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	return windows.AssignProcessToJobObject(job, process)
}

func (f *family) code() int {
	if !within(0, f.ended) || f.state == nil {
		return unknownCode
	}
	return f.state.ExitCode()
}

// accounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.
type accounting struct {
	userTime, kernelTime, periodUserTime, periodKernelTime int64
	pageFaults, total, active, terminated                  uint32
}

// alone reports whether the job is empty, within a time.
func (f *family) alone(d time.Duration) bool {
	for deadline := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		var a accounting
		err := windows.QueryInformationJobObject(f.job, windows.JobObjectBasicAccountingInformation,
			uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil)
		if err == nil && a.active == 0 && within(0, f.ended) {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
	}
}

// terminate does nothing: there is no signal that a process without a console
// could obey.
func (f *family) terminate() {}

// destroy ends the job, and reports whether it could.
func (f *family) destroy(limit time.Duration) bool {
	windows.TerminateJobObject(f.job, killedCode)
	gone := f.alone(limit)
	windows.CloseHandle(f.job)
	return gone
}

func (f *family) left() []string {
	if f.alone(0) {
		return nil
	}
	return []string{"processes of its job"}
}

func endMarked(string) {}

func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

func selfPath() (string, error) { return os.Executable() }

// listen looks for a stop file five times a second: nothing can signal it here.
func listen() (look, end chan os.Signal) {
	look, end = make(chan os.Signal), make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt)
	go func() {
		for {
			time.Sleep(200 * time.Millisecond)
			look <- os.Interrupt
		}
	}()
	return look, end
}

func nudge(string, Record) {}

// interrupt ends a Read of the pipe; an anonymous pipe has no deadline here.
func interrupt(pipe *os.File) { pipe.Close() }

func readRest(*os.File, io.Writer) {}
