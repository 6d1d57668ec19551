package tools

import "encoding/json"

// maxBlockers is how many blockers a list names of one task.
const maxBlockers = 50

// page counts what still fits a result.
type page struct {
	left, bytes int
	full        bool
}

// newPage is as large as the caller asked for, or of an ordinary size.
func newPage(limit, ordinary int) page {
	if limit == 0 {
		return page{left: ordinary, bytes: smallResult}
	}
	return page{left: limit, bytes: largeResult}
}

// take reports whether v fits; the first always does.
func (p *page) take(v any, first bool) bool {
	data, err := json.Marshal(v)
	p.left, p.bytes = p.left-1, p.bytes-len(data)
	p.full = err != nil || p.left < 0 || (p.bytes < 0 && !first)
	return !p.full
}

// Budgets of one result, in bytes: what a call gets that did not ask for more,
// and what one gets that did.
const (
	smallResult = 7_000
	largeResult = 48_000
)
