package tools

import (
	"fmt"
	"math"
	"time"

	"wt-mcp/state"
)

// day says a time with its day to people, UTC.
func day(seconds float64) string { return state.Time(seconds).Format(time.DateTime) }

// secondsUntil is how long it is until a time, in whole seconds; at least one while it
// is to come, 0 where there is none or it is over.
func secondsUntil(at, now float64) int { return int(math.Ceil(max(0, at-now))) }

// inTime is a time to come, for people: in 15 min.
func inTime(seconds int) string { return "in " + span(time.Duration(seconds)*time.Second) }

// ago is a time that has passed, for people: 3 h ago.
func ago(d time.Duration) string { return span(max(0, d)) + " ago" }

// span is how long something takes, in the largest unit that says it well.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}
