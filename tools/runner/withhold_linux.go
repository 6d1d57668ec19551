package runner

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// conceal wipes what is withheld from what /proc shows of this process, and closes it to
// other processes of the user: its memory has them still. A program in a run has
// nothing to hide, and must be found by its mark. What fails here leaves things as
// they are on older kernels.
func conceal() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	wipe()
	if os.Getenv(MarkVariable) == "" {
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
}

// wipe overwrites the variables where the kernel put them: Go has a copy.
func wipe() {
	block, err := os.ReadFile("/proc/self/environ")
	start, ok := environAt()
	if err != nil || !ok {
		return
	}
	entries := bytes.Split(block, []byte{0})
	var environ []string
	for _, entry := range entries {
		environ = append(environ, string(entry))
	}
	hidden := withheld(environ)
	for i, entry := range entries {
		if slices.Contains(hidden, entryName(environ[i])) {
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
