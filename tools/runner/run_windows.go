package runner

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemShell is sh where one is on the PATH (Git for Windows brings it), so that
// a script means the same on all systems, else cmd.
func systemShell() shell {
	if path, err := exec.LookPath("sh"); err == nil {
		return shell{path: path, limit: 16 << 10}
	}
	path := filepath.Join(os.Getenv("SystemRoot"), "System32", "cmd.exe")
	return shell{path: path, limit: 8000, oneLine: true}
}

func (s shell) command(script string) *exec.Cmd {
	attr := &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW,
	}
	cmd := exec.Command(s.path, "-c", "--", script)
	if s.oneLine {
		cmd = exec.Command(s.path)
		attr.CmdLine = `cmd /D /S /C "` + script + `"`
	}
	cmd.SysProcAttr = attr
	return cmd
}

// tree is a job object that holds the shell and its descendants, or only the
// shell where the system gives no job.
type tree struct {
	job    windows.Handle
	leader *os.Process
}

func newTree(leader *os.Process) tree {
	job, err := newJob()
	if err != nil {
		return tree{leader: leader}
	}
	if err := assign(job, leader.Pid); err != nil {
		windows.CloseHandle(job)
		return tree{leader: leader}
	}
	return tree{job: job, leader: leader}
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

// terminate ends at once: there is no signal that a process without a console
// could obey.
func (t tree) terminate() { t.kill() }

func (t tree) kill() {
	if t.job != 0 {
		windows.TerminateJobObject(t.job, killedCode)
		return
	}
	t.leader.Kill()
}

func (t tree) release() {
	if t.job != 0 {
		windows.CloseHandle(t.job)
	}
}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }

// interrupt ends a Read of the pipe; an anonymous pipe has no deadline here.
func interrupt(pipe *os.File) { pipe.Close() }

func readRest(*os.File, io.Writer) {}
