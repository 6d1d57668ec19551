//go:build !linux

package runner

import "os/exec"

// awaitEnd returns when cmd has ended and is reaped. Elsewhere than on Linux
// there is no sound way to wait without reaping (golang.org/issue/19314); what
// is left of the group keeps the group's number, and an empty group's number is
// not given out again in the moment until the last signal.
func awaitEnd(cmd *exec.Cmd) { cmd.Wait() }
