package runner

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// capture takes raw output and keeps clean text within a budget.
type capture struct {
	raw   int64
	clean *cleaner
	kept  *headTail
}

func newCapture(budget int) *capture {
	kept := newHeadTail(budget)
	return &capture{clean: newCleaner(kept), kept: kept}
}

func (c *capture) Write(p []byte) (int, error) {
	c.raw += int64(len(p))
	return c.clean.Write(p)
}

// text ends the capture.
func (c *capture) text() (text string, truncated bool) {
	c.clean.Close()
	return c.kept.text()
}

// headTail keeps the first three tenths and the last seven tenths of a text in
// memory that the budget bounds.
type headTail struct {
	budget      int
	headSize    int
	head, tail  []byte // tail holds at least the last budget-headSize bytes after head
	size, lines int64
}

func newHeadTail(budget int) *headTail {
	return &headTail{budget: budget, headSize: budget * 3 / 10}
}

func (h *headTail) Write(p []byte) (int, error) {
	h.size += int64(len(p))
	h.lines += lineCount(p)
	n := min(len(p), h.headSize-len(h.head))
	h.head = append(h.head, p[:n]...)
	h.push(p[n:])
	return len(p), nil
}

func (h *headTail) push(p []byte) {
	keep := h.budget - h.headSize
	if len(p) > keep {
		p, h.tail = p[len(p)-keep:], h.tail[:0]
	}
	if len(h.tail)+len(p) > 2*keep {
		h.tail = append(h.tail[:0], h.tail[len(h.tail)-keep:]...)
	}
	h.tail = append(h.tail, p...)
}

// text returns all that was written where it fits the budget. Otherwise it
// returns a first part, a line that says how much was left out, and a last part,
// cut between lines where that wastes less than half of a part, and between
// runes. A budget too small for that line gives the last part alone.
func (h *headTail) text() (text string, truncated bool) {
	if h.size <= int64(h.budget) {
		return string(h.head) + string(h.tail), false
	}
	longest := len(gapLine(h.size, h.lines)) + len(newline)
	if h.budget < 4*longest {
		return string(lastPart(h.tail, h.budget)), true
	}
	head := firstPart(h.head)
	tail := lastPart(h.tail, h.budget-len(head)-longest)
	gap := gapLine(h.size-int64(len(head)+len(tail)),
		h.lines-lineCount(head)-lineCount(tail))
	if !bytes.HasSuffix(head, []byte(newline)) {
		gap = "\n" + gap
	}
	return string(head) + gap + string(tail), true
}

func lineCount(p []byte) int64 { return int64(bytes.Count(p, []byte(newline))) }

func gapLine(size, lines int64) string {
	return fmt.Sprintf("[... %d bytes (%d lines) left out ...]\n", size, lines)
}

// firstPart cuts the end of p off, back to the end of a line or of a rune.
func firstPart(p []byte) []byte {
	if i := bytes.LastIndexByte(p, '\n'); i >= len(p)/2 {
		return p[:i+1]
	}
	end := len(p)
	for back := 1; back <= min(utf8.UTFMax, len(p)); back++ {
		if !utf8.RuneStart(p[len(p)-back]) {
			continue
		}
		if !utf8.FullRune(p[len(p)-back:]) {
			end = len(p) - back
		}
		break
	}
	return p[:end]
}

// lastPart returns at most room bytes of the end of p, from the start of a line
// or of a rune on.
func lastPart(p []byte, room int) []byte {
	p = p[max(0, len(p)-room):]
	if i := bytes.IndexByte(p, '\n'); i >= 0 && i < len(p)/2 {
		return p[i+1:]
	}
	for len(p) > 0 && !utf8.RuneStart(p[0]) {
		p = p[1:]
	}
	return p
}
