package state

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is the time since the machine's boot, its sleep included: the same
// for every process, and untouched by who sets the time of day (clock_gettime(2)).
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
