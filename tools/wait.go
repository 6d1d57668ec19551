package tools

import "time"

const defaultWait = 50 * time.Second

func waitTime(seconds *float64) time.Duration {
	if seconds == nil {
		return defaultWait
	}
	return time.Duration(*seconds * float64(time.Second))
}
