package runner

import (
	"bytes"
	"os"
	"strconv"
)

// supervisedByAncestor looks up to the first process. By /proc/self it is right in
// a namespace of processes too that has no /proc of its own.
func supervisedByAncestor() bool {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return false
	}
	supervised, _ := lineage(parseStat(0, string(stat)).parent)
	return supervised
}

// lineage reports whether a process is a supervisor or below one, and whether it
// could be followed to the first process.
func lineage(pid int) (supervised, whole bool) {
	const most = 1000
	for range most {
		dir := "/proc/" + strconv.Itoa(pid)
		line, _ := os.ReadFile(dir + "/cmdline")
		if args := bytes.Split(line, []byte{0}); len(args) == 3 && string(args[1]) == SuperviseCommand {
			return true, true
		}
		if pid <= 1 {
			return false, true
		}
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return false, false
		}
		pid = parseStat(pid, string(stat)).parent
	}
	return false, false
}
