package osfs

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// BootID names this boot of the machine: what the page cache held is lost with it.
func BootID() string {
	if id, err := unix.Sysctl("kern.bootsessionuuid"); err == nil && id != "" {
		return id
	}
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("boot-%d", t.Sec)
}

// Uptime is the time since the machine's boot, its sleep included
// (mach_continuous_time, which clock_gettime(3) calls CLOCK_MONOTONIC_RAW).
func Uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
