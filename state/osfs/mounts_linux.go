package osfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MountsBelow lists the places at and below dir where another file system, or
// another part of the same one, is mounted (proc(5), mountinfo).
func MountsBelow(dir string) ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if os.IsNotExist(err) {
		return nil, nil // no /proc: a mount still makes the rename or the deletion fail with EBUSY
	}
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	var below []string
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescapeMount(string(fields[4]))
		if point == dir || strings.HasPrefix(point, strings.TrimSuffix(dir, "/")+"/") {
			below = append(below, point)
		}
	}
	return below, nil
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
