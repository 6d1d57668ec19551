package git

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// effort is a number that changes when a process of a group computes, reads or
// writes (proc(5): stat, io).
func effort(group int) (n uint64, known bool) {
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
		known = true
		for _, field := range fields[11:13] { // utime, stime
			ticks, _ := strconv.ParseUint(string(field), 10, 64)
			n += ticks
		}
		var read, written uint64
		if text, err := os.ReadFile(name + "/io"); err == nil {
			_, _ = fmt.Sscanf(string(text), "rchar: %d\nwchar: %d\n", &read, &written)
		}
		n += read + written
	}
	return n, known
}
