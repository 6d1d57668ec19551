package runner

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// conceal wipes variables from what /proc shows of this process, and closes it to
// other processes of the user: its memory has them still. A program in a run has
// nothing to hide, and must be found by its mark. What fails here leaves things as
// they are on older kernels.
func conceal(hidden map[string]bool) {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	wipe(hidden)
	if os.Getenv(MarkVariable) == "" {
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
}

// wipe overwrites the variables where the kernel put them: Go has a copy.
func wipe(hidden map[string]bool) {
	block, err := os.ReadFile("/proc/self/environ")
	start, ok := environAt()
	if err != nil || !ok || len(hidden) == 0 {
		return
	}
	for entry := range bytes.SplitSeq(block, []byte{0}) {
		if hidden[entryName(string(entry))] {
			clear(entry)
		}
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer memory.Close()
	_, _ = memory.WriteAt(block, start)
}

// environAt is the address env_start of proc_pid_stat(5), the 50th field.
func environAt() (int64, bool) {
	stat, err := os.ReadFile("/proc/self/stat")
	const afterName = 50 - 3
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if err != nil || len(fields) <= afterName {
		return 0, false
	}
	at, err := strconv.ParseInt(fields[afterName], 10, 64)
	return at, err == nil && at > 0
}
