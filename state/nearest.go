package state

import (
	"sort"
	"strings"
)

// Nearest returns at most n of the candidates that name may have been meant as,
// the nearest first.
func Nearest(name string, candidates []string, n int) []string {
	type scored struct {
		name  string
		score int
	}
	var near []scored
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if name != "" && strings.HasPrefix(c, name) {
			d = 0
		}
		if d <= max(2, len(name)/4) || strings.Contains(c, name) && name != "" {
			near = append(near, scored{c, d})
		}
	}
	sort.SliceStable(near, func(i, j int) bool { return near[i].score < near[j].score })
	out := []string{}
	for _, s := range near[:min(n, len(near))] {
		out = append(out, s.name)
	}
	return out
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
// Long names are compared by their beginning.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
