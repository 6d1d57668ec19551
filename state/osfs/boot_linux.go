package osfs

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// BootID names this boot of the machine: what the page cache held is lost with it.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// Uptime is the time since the machine's boot, its sleep included: the same
// for every process, and untouched by who sets the time of day (clock_gettime(2)).
func Uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
