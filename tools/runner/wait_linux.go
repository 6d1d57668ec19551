package runner

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// awaitEnd returns when cmd has ended and leaves it to be reaped, so that its
// process group can still be signalled safely. Where waitid does not work (a
// process that ignores SIGCHLD, an emulated kernel) it reaps.
func awaitEnd(cmd *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if err != unix.EINTR {
			cmd.Wait()
			return
		}
	}
}
