package state

import (
	"os"
	"strings"
	"syscall"

	"github.com/spf13/afero"
)

// flush makes the content of f durable. On a real file fdatasync does, which
// leaves out what is not needed to read the content back.
func flush(f afero.File) error {
	real, ok := f.(*os.File)
	if !ok {
		return f.Sync()
	}
	for {
		if err := syscall.Fdatasync(int(real.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// bootID names this boot of the machine: what the page cache held is lost with it.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
