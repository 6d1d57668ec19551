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
	return isSupervised(parseStat(0, string(stat)).parent)
}

func isSupervised(pid int) bool {
	const most = 1000
	for range most {
		dir := "/proc/" + strconv.Itoa(pid)
		line, _ := os.ReadFile(dir + "/cmdline")
		if args := bytes.Split(line, []byte{0}); len(args) == 3 && string(args[1]) == SuperviseCommand {
			return true
		}
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil || pid <= 1 {
			return false
		}
		pid = parseStat(pid, string(stat)).parent
	}
	return false
}
