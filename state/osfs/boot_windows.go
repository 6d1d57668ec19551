package osfs

import (
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

// BootID names this boot of the machine by its minute; a wrong answer costs one
// reading of the journal, as long as two boots of one minute differ in uptime.
func BootID() string {
	booted := time.Now().Add(-windows.DurationSinceBoot())
	return fmt.Sprintf("boot-%d", booted.Round(time.Minute).Unix())
}

// Uptime is the time since the machine's boot, its sleep included.
func Uptime() time.Duration { return windows.DurationSinceBoot() }
