package git

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// parseHunks reads git diff-tree --stdin --always -p -U0: for each commit and path the
// lines of the old file that were changed, from and to. An insertion is told by the
// lines that it stands between. A file that was not there before has none.
func parseHunks(out []byte) map[string]map[string][][2]int {
	all := map[string]map[string][][2]int{}
	var file map[string][][2]int
	var path string
	for len(out) > 0 {
		var raw []byte
		raw, out, _ = bytes.Cut(out, []byte("\n"))
		line := string(raw)
		switch old, isOld := strings.CutPrefix(line, "--- "); {
		case isObjectID(line):
			file, path = map[string][][2]int{}, ""
			all[line] = file
		case strings.HasPrefix(line, "diff "):
			path = ""
		case isOld:
			path = headerPath(old)
		case strings.HasPrefix(line, "@@ "):
			from, count, more, ok := parseHunk(line)
			if ok && path != "" && file != nil {
				file[path] = append(file[path], changedLines(from, count))
			}
			out = skipLines(out, count+more)
		}
	}
	return all
}

// headerPath is the path in a line that begins with --- and names the old file.
func headerPath(name string) string {
	name = strings.TrimSuffix(name, "\t")
	if strings.HasPrefix(name, `"`) {
		unquoted, err := strconv.Unquote(name)
		if err != nil {
			return ""
		}
		name = unquoted
	}
	path, ok := strings.CutPrefix(name, "a/")
	if !ok { // /dev/null
		return ""
	}
	return path
}

// parseHunk reads @@ -from,count +to,more @@; a count that is left out is one.
func parseHunk(line string) (from, count, more int, ok bool) {
	var old, now string
	if n, err := fmt.Sscanf(line, "@@ -%s +%s @@", &old, &now); err != nil || n != 2 {
		return 0, 0, 0, false
	}
	from, count, ok = parseRange(old)
	_, more, also := parseRange(now)
	return from, count, more, ok && also
}

func parseRange(s string) (from, count int, ok bool) {
	first, second, two := strings.Cut(s, ",")
	from, err := strconv.Atoi(first)
	count = 1
	if two && err == nil {
		count, err = strconv.Atoi(second)
	}
	const most = 1 << 30
	return from, count, err == nil && from >= 0 && count >= 0 && from < most && count < most
}

func changedLines(from, count int) [2]int {
	if count == 0 {
		return [2]int{max(from, 1), from + 1}
	}
	return [2]int{from, from + count - 1}
}

// skipLines leaves out that many lines of a hunk; what git says of a last line without
// an end is passed over by the caller.
func skipLines(out []byte, n int) []byte {
	for ; n > 0 && len(out) > 0; n-- {
		if line, rest, _ := bytes.Cut(out, []byte("\n")); bytes.HasPrefix(line, []byte(`\ `)) {
			out = rest
			n++
		} else {
			out = rest
		}
	}
	return out
}

// meeting is where two lists of changed lines, each in order, overlap or touch.
func meeting(a, b [][2]int) (both [][2]int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		from, to := max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
		if from == to+1 {
			from, to = to, from
		}
		if from <= to {
			both = append(both, [2]int{from, to})
		}
		if a[i][1] < b[j][1] {
			i++
		} else {
			j++
		}
	}
	return both
}
