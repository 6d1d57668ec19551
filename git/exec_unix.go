//go:build unix

package git

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate puts git into a process group of its own and hands it the files.
func isolate(cmd *exec.Cmd, inherit []*os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = inherit
}

// terminate asks the whole group to end; git removes its lock files then. It
// fails only when there is nobody left to ask.
func terminate(cmd *exec.Cmd) error {
	if syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) != nil {
		return os.ErrProcessDone
	}
	return nil
}

// killGroup ends what is left of the group.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
