package runner

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// supervisedByAncestor takes every ancestor of this program's name for a
// supervisor: the system does not tell what it was called with.
func supervisedByAncestor() bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	name := filepath.Base(self)
	for pid := os.Getppid(); pid > 1; {
		p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
		if err != nil {
			return false
		}
		if comm := unix.ByteSliceToString(p.Proc.P_comm[:]); comm == name[:min(len(name), len(p.Proc.P_comm)-1)] {
			return true
		}
		pid = int(p.Eproc.Ppid)
	}
	return false
}
