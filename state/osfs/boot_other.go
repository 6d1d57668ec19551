//go:build !linux && !darwin && !windows

package osfs

import "time"

// BootID is unknown here: nobody can tell what a boot took away.
func BootID() string { return "" }

// Uptime is not known: without a boot's id the time of day is used.
func Uptime() time.Duration { return 0 }
