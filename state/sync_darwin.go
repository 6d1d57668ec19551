package state

import (
	"fmt"

	"github.com/spf13/afero"
	"golang.org/x/sys/unix"
)

// flush makes the content of f durable; Go uses F_FULLFSYNC on macOS.
func flush(f afero.File) error { return f.Sync() }

// bootID names this boot of the machine: what the page cache held is lost with it.
func bootID() string {
	if id, err := unix.Sysctl("kern.bootsessionuuid"); err == nil && id != "" {
		return id
	}
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("boot-%d", t.Sec)
}
