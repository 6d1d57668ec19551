//go:build !linux && !darwin && !windows

package state

import "time"

// sinceBoot is not known: without a boot's id the time of day is used.
func sinceBoot() time.Duration { return 0 }
