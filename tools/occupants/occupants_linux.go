package occupants

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// in reads each process's links once. The kernel adds " (deleted)" to a directory
// that is gone: below dir it still tells where the process is at work.
func in(dir string) ([]Process, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		for _, link := range []string{"/cwd", "/root"} {
			if at, err := os.Readlink("/proc/" + name + link); err == nil && within(at, dir) {
				found = append(found, Process{PID: pid, Command: command(name), Dir: at, Ancestors: ancestors(pid)})
				break
			}
		}
	}
	return found, nil
}

func command(pid string) string {
	const limit = 200
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	text := strings.ReplaceAll(strings.TrimRight(string(line[:min(len(line), limit)]), "\x00"), "\x00", " ")
	if text == "" {
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		text = strings.TrimSpace(string(name))
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// ancestors ends where a process does not tell, or after more than any have.
func ancestors(pid int) []int {
	const most = 100
	var all []int
	for len(all) < most {
		pid = parent(pid)
		if pid <= 0 {
			break
		}
		all = append(all, pid)
	}
	return all
}

// parent reads the fourth field of proc_pid_stat(5); the second, a name in
// parentheses, may hold anything.
func parent(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	up, _ := strconv.Atoi(fields[1])
	return up
}
