package git

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate puts git into a process group of its own. Windows has no inherited
// file locks, so the files stay behind.
func isolate(cmd *exec.Cmd, _ []*os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// terminate ends git; Windows knows no request to end for a process without a console.
func terminate(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func killGroup(*exec.Cmd) {}
