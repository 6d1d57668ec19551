package state

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is the time since the machine's boot, its sleep included
// (mach_continuous_time, which clock_gettime(3) calls CLOCK_MONOTONIC_RAW).
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
