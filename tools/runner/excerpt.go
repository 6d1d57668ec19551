package runner

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Excerpt is a part of a run's output as clean text.
type Excerpt struct {
	Text      string
	Truncated bool  // a part in the middle is left out
	Next      int64 // offset in the stream of what follows Text
	Skipped   int64 // bytes before Text that the log no longer has
	Size      int64 // of the stream
}

// rawShare is how much of the stream is looked at for a part of the text: progress
// bars and colours shrink when they are cleaned.
const rawShare = 128 << 10

// Brief returns all of the output where it fits the budget in bytes. Otherwise it
// returns three tenths of the budget from the beginning, a line that says how
// much was left out and from which offset, and the rest from the end; both cut
// between lines where that wastes less than half of a part, and between runes.
func (l Log) Brief(id string, budget int) (Excerpt, error) {
	size := l.Size()
	raw := make([]byte, min(size, 2*rawShare))
	n, _, err := l.readAt(raw, 0)
	if err != nil {
		return Excerpt{}, fmt.Errorf("read log of run %s: %w", id, err)
	}
	raw = raw[:n]
	if int64(n) == size {
		if text := sanitize(string(raw)); len(text) <= budget {
			return Excerpt{Text: text, Next: size, Size: size}, nil
		}
	}
	head, used := firstLines(raw, budget*3/10)
	end, endStart, err := l.ending(size, int64(used))
	if err != nil {
		return Excerpt{}, fmt.Errorf("read log of run %s: %w", id, err)
	}
	room := budget - len(head) - len(gapLine(id, size, size)) - 1
	tail, tailUsed := lastLines(end, room)
	left := endStart + int64(len(end)-tailUsed) - int64(used)
	gap := gapLine(id, left, int64(used))
	if len(head) > 0 && head[len(head)-1] != '\n' {
		gap = "\n" + gap
	}
	return Excerpt{Text: head + gap + tail, Truncated: true, Next: int64(used), Size: size}, nil
}

// ending reads the last part of the stream, from no earlier than an offset.
func (l Log) ending(size, notBefore int64) ([]byte, int64, error) {
	from := max(notBefore, size-2*rawShare)
	raw := make([]byte, size-from)
	n, start, err := l.readAt(raw, from)
	for err == nil && start+int64(n) < size && n > 0 { // a gap lies in it
		from = start + int64(n)
		n, start, err = l.readAt(raw[:size-from], from)
	}
	return raw[:n], start, err
}

func gapLine(id string, size, offset int64) string {
	return fmt.Sprintf("[... %d bytes left out: run_output {\"run_id\":%q,\"offset\":%d} ...]\n", size, id, offset)
}

// Page returns the text from an offset of the stream on, at most limit bytes of
// it. A line that is not finished yet is left for the next page, unless it is
// all that there is, or what follows it is gone.
func (l Log) Page(id string, offset int64, limit int, over bool) (Excerpt, error) {
	size := l.Size()
	e := Excerpt{Next: min(offset, size), Size: size}
	raw := make([]byte, max(0, min(size-offset, int64(limit)+rawShare)))
	n, start, err := l.readAt(raw, offset)
	if err != nil {
		return e, fmt.Errorf("read log of run %s: %w", id, err)
	}
	gap := n < len(raw) && start+int64(n) < size
	final := gap || over && start+int64(n) == size
	raw = raw[:n]
	if n == 0 {
		return e, nil
	}
	if i := bytes.LastIndexByte(raw, '\n'); i >= 0 && !final {
		raw = raw[:i+1]
	} else if !final {
		raw = raw[:runeBorder(raw)]
	}
	text, used := firstLines(raw, limit)
	e.Text, e.Next, e.Skipped = text, start+int64(used), start-offset
	return e, nil
}

// LastLine is the last line of the output that shows something.
func (l Log) LastLine() string {
	const look = 4 << 10
	size := l.Size()
	raw := make([]byte, min(size, look))
	n, _, err := l.readAt(raw, size-int64(len(raw)))
	if err != nil {
		return ""
	}
	text := bytes.TrimSpace([]byte(sanitize(string(raw[:n]))))
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// Ending is the end of the output as clean text of at most so many bytes.
func (l Log) Ending(budget int) (string, error) {
	raw, _, err := l.ending(l.Size(), 0)
	if err != nil {
		return "", err
	}
	text, _ := lastLines(raw, budget)
	return text, nil
}

// firstLines returns the beginning of raw as clean text of at most room bytes,
// and how many bytes of raw that is. Cleaning starts afresh with each line, so
// lines can be cleaned one by one.
func firstLines(raw []byte, room int) (text string, used int) {
	var b bytes.Buffer
	for line := range bytes.Lines(raw) {
		clean := sanitize(string(line))
		if b.Len()+len(clean) > room {
			if b.Len() < room/2 {
				part, n := firstOf(line, room-b.Len())
				b.WriteString(part)
				used += n
			}
			break
		}
		b.WriteString(clean)
		used += len(line)
	}
	return b.String(), used
}

// firstOf cuts a line that is too long.
func firstOf(line []byte, room int) (string, int) {
	for n := len(line); n > 0; {
		n = runeBorder(line[:n])
		clean := sanitize(string(line[:n]))
		if len(clean) <= room {
			return clean, n
		}
		n = min(n-1, max(n/maxGrowth, n*room/len(clean)))
	}
	return "", 0
}

// lastLines returns the end of raw as clean text of at most room bytes, and how
// many bytes of raw that is.
func lastLines(raw []byte, room int) (text string, used int) {
	var parts []string
	size := 0
	for end := len(raw); end > 0; {
		start := bytes.LastIndexByte(raw[:end-1], '\n') + 1
		clean := sanitize(string(raw[start:end]))
		if size+len(clean) > room {
			if size < room/2 {
				part, n := lastOf(raw[start:end], room-size)
				parts, used = append(parts, part), used+n
			}
			break
		}
		parts, size, used, end = append(parts, clean), size+len(clean), used+end-start, start
	}
	var b bytes.Buffer
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
	}
	return b.String(), used
}

func lastOf(line []byte, room int) (string, int) {
	for n := len(line); n > 0; {
		part := line[len(line)-n:]
		for len(part) > 0 && !utf8.RuneStart(part[0]) {
			part = part[1:]
		}
		clean := sanitize(string(part))
		if len(clean) <= room {
			return clean, len(part)
		}
		n = min(n-1, max(n/maxGrowth, n*room/len(clean)))
	}
	return "", 0
}

// runeBorder is the length of p without a rune that is cut at its end.
func runeBorder(p []byte) int {
	for back := 1; back <= min(utf8.UTFMax, len(p)); back++ {
		if !utf8.RuneStart(p[len(p)-back]) {
			continue
		}
		if !utf8.FullRune(p[len(p)-back:]) {
			return len(p) - back
		}
		break
	}
	return len(p)
}
