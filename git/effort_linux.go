package git

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// effortOf adds up what the processes of a group have done (proc(5): stat, io).
func effortOf(group int) (did effort) {
	names, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, name := range names {
		stat, err := os.ReadFile(name + "/stat")
		if err != nil {
			continue
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the state, the third, on
		if len(fields) < 13 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		did.known = true
		for _, field := range fields[11:13] { // utime, stime
			ticks, _ := strconv.ParseUint(string(field), 10, 64)
			did.ticks += ticks
		}
		var read, written uint64
		if text, err := os.ReadFile(name + "/io"); err == nil {
			_, _ = fmt.Sscanf(string(text), "rchar: %d\nwchar: %d\n", &read, &written)
		}
		did.bytes += read + written
	}
	return did
}
