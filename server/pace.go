package server

import (
	"strings"
	"sync"
	"time"
)

// pace keeps progress to what is new, once a second at the most. It is safe for
// concurrent use.
type pace struct {
	mu   sync.Mutex
	last time.Time
	what string
}

// between is the least time between two messages of one call, a little under the
// second that goes by between two reports.
const between = 950 * time.Millisecond

// news reports whether a message is to be sent. A count of seconds alone is no news more
// often than every ten of them: clients take each message as a sign of life.
func (p *pace) news(now time.Time, message string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := message
	if count, rest, found := strings.Cut(message, " s"); found && strings.Trim(count, "0123456789") == "" {
		what = rest
	}
	if since := now.Sub(p.last); since < between || what == p.what && since < 10*between {
		return false
	}
	p.last, p.what = now, what
	return true
}
