package occupants

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// lsofTime bounds what lsof may take.
const lsofTime = 5 * time.Second

// in asks lsof for every working directory that it may see: looking for one
// directory's would make it search all below.
func in(dir string) ([]Process, error) {
	path, err := exec.LookPath("lsof")
	if err != nil {
		return nil, ErrUnknown
	}
	ctx, cancel := context.WithTimeout(context.Background(), lsofTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-w", "-n", "-P", "-a", "-d", "cwd,rtd", "-F", "pRcn").Output()
	if len(out) == 0 && err != nil {
		return nil, ErrUnknown
	}
	return parse(string(out), dir), nil
}

// parse reads one field a line (lsof(8), OUTPUT FOR OTHER PROGRAMS).
func parse(out, dir string) []Process {
	var found []Process
	parents := map[int]int{}
	var p Process
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		switch value := line[1:]; line[0] {
		case 'p':
			p = Process{}
			p.PID, _ = strconv.Atoi(value)
		case 'R':
			parents[p.PID], _ = strconv.Atoi(value)
		case 'c':
			p.Command = strings.ToValidUTF8(value, "\uFFFD")
		case 'n':
			if within(value, dir) && (len(found) == 0 || found[len(found)-1].PID != p.PID) {
				p.Dir = value
				found = append(found, p)
			}
		}
	}
	for i := range found {
		found[i].Ancestors = chain(parents, found[i].PID)
	}
	return found
}

// ancestors asks ps, which every macOS has; it knows the nearest one without.
func ancestors(pid int) []int {
	ctx, cancel := context.WithTimeout(context.Background(), lsofTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/bin/ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return []int{os.Getppid()}
	}
	return chain(parentsOf(string(out)), pid)
}

// parentsOf reads a process and its parent a line.
func parentsOf(out string) map[int]int {
	parents := map[int]int{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 {
			pid, _ := strconv.Atoi(f[0])
			parents[pid], _ = strconv.Atoi(f[1])
		}
	}
	return parents
}

func chain(parents map[int]int, pid int) (all []int) {
	for up := parents[pid]; up > 0 && len(all) < 100; up = parents[up] {
		all = append(all, up)
	}
	return all
}
