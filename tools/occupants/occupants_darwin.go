package occupants

import (
	"context"
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
		for pid := parents[found[i].PID]; pid > 0 && len(found[i].Ancestors) < 100; pid = parents[pid] {
			found[i].Ancestors = append(found[i].Ancestors, pid)
		}
	}
	return found
}
