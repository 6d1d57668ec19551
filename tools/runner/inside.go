package runner

import "os"

// Inside tells by which sign this process was started by a command of a run, or ""
// where it was not. A command can drop the variable. On Linux it cannot leave its
// supervisor, and there and on other Unix systems it cannot take off the limit that
// the supervisor passes on, unless it is root. On Windows its ancestors are looked at
// as far as the system knows them.
func Inside() string {
	if os.Getenv(MarkVariable) != "" {
		return MarkVariable + " is set"
	}
	if limited() {
		return "ulimit -Hm is that of a run"
	}
	if supervisedByAncestor() {
		return "it is below a supervisor of runs"
	}
	return ""
}
