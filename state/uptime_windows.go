package state

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot is the time since the machine's boot, its sleep included.
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
