//go:build unix

package runner

import "golang.org/x/sys/unix"

// branded is the hard limit of resident memory in a run. No system keeps to that
// limit and nobody sets it; all processes inherit it, and none but root raises it.
const branded = 1 << 60

// brand marks this process and all that it will start, for ever.
func brand() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RSS, &limit); err != nil {
		return err
	}
	limit.Cur, limit.Max = min(limit.Cur, branded), min(limit.Max, branded)
	return unix.Setrlimit(unix.RLIMIT_RSS, &limit)
}

func limited() bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_RSS, &limit) == nil && limit.Max <= branded
}
