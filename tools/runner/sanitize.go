package runner

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxGrowth bounds the cleaned text: at most so many bytes for each raw one.
const maxGrowth = 4

// maxFold is the length of a line in bytes up to which a carriage return
// replaces it. A longer one stays, and the return starts a new line.
const maxFold = 8 << 10

const newline = "\n"

// sanitize returns s as plain text: valid UTF-8 with no control character but
// \n and \t. See cleaner for what becomes of the rest.
func sanitize(s string) string {
	var b strings.Builder
	c := newCleaner(&b)
	io.WriteString(c, s)
	c.Close()
	return b.String()
}

// cleaner turns the bytes that a program wrote, in chunks of any size, into
// plain text; how they were cut into chunks makes no difference. It removes
// terminal sequences (CSI, OSC and the other strings, two-byte escapes), folds
// \r\n to \n and a line redrawn with \r to its last state, replaces each run of
// bytes that is no rune by U+FFFD, and writes other control characters,
// bidirectional ones, line separators and the invisible tag characters as \x07
// or \u202e. A sequence that is not finished where its line ends is dropped.
// Plain text passes unchanged, so cleaning twice is cleaning once.
type cleaner struct {
	out   io.Writer
	state state
	part  []byte // the bytes so far of a rune
	room  []byte // where the short pieces that we add are put together
	line  []byte // the line so far, at most maxFold
	long  bool   // the line was too long and is written; line is empty
	back  bool   // a \r came, and nothing to be seen after it
}

type state int

const (
	ground         state = iota
	inRune               // after the first byte of several
	inEscape             // after ESC
	inIntermediate       // after ESC and bytes like ( or #
	inCSI                // after ESC [
	inString             // in an OSC, DCS, SOS, PM or APC: BEL or ST ends it
	inStringEscape       // after an ESC in such a string
)

func newCleaner(out io.Writer) *cleaner {
	return &cleaner{out: out, part: make([]byte, 0, utf8.UTFMax), room: make([]byte, 0, len(`\U000e0041`))}
}

func (c *cleaner) Write(p []byte) (int, error) {
	for i := 0; i < len(p); {
		if c.state == ground {
			if n := plainPrefix(p[i:]); n > 0 {
				c.plain(p[i : i+n])
				i += n
				continue
			}
		}
		if c.step(p[i]) {
			i++
		}
	}
	return len(p), nil
}

// Close writes what was held back. The cleaner is not used after it.
func (c *cleaner) Close() error {
	switch c.state {
	case inRune:
		c.put("\uFFFD")
	case inEscape:
		c.put(`\x1b`)
	}
	c.out.Write(c.line)
	return nil
}

// plainPrefix counts the leading bytes that need no thought.
func plainPrefix(p []byte) int {
	for i, b := range p {
		if b >= utf8.RuneSelf || b == 0x7f || b < ' ' && b != '\n' && b != '\t' {
			return i
		}
	}
	return len(p)
}

func (c *cleaner) plain(p []byte) {
	i := bytes.LastIndexByte(p, '\n')
	if i < 0 {
		c.visible(p)
		return
	}
	if p[0] == '\n' {
		c.back = false
	}
	c.visible(nil)
	c.out.Write(c.line)
	c.out.Write(p[:i+1])
	c.line, c.long = c.line[:0], false
	if i+1 < len(p) {
		c.visible(p[i+1:])
	}
}

// visible adds to the line, and first takes away what a \r gave up.
func (c *cleaner) visible(p []byte) {
	if c.back {
		c.fold()
	}
	if !c.long && len(c.line)+len(p) > maxFold {
		c.out.Write(c.line)
		c.line, c.long = c.line[:0], true
	}
	if c.long {
		c.out.Write(p)
		return
	}
	c.line = append(c.line, p...)
}

func (c *cleaner) fold() {
	if c.long {
		io.WriteString(c.out, newline)
	}
	c.line, c.long, c.back = c.line[:0], false, false
}

func (c *cleaner) put(s string) { c.visible(append(c.room[:0], s...)) }

// step takes one byte, or only changes the state and reports false: the byte is
// to be looked at again.
func (c *cleaner) step(b byte) bool {
	switch c.state {
	case inRune:
		return c.stepRune(b)
	case inEscape:
		return c.stepEscape(b)
	case inIntermediate:
		return c.skipUntil(b, 0x30)
	case inCSI:
		return c.skipUntil(b, 0x40)
	case inString:
		return c.stepString(b)
	case inStringEscape:
		return c.stepStringEscape(b)
	}
	return c.stepGround(b)
}

// stepGround gets no plain byte: Write takes those.
func (c *cleaner) stepGround(b byte) bool {
	switch {
	case b == 0x1b:
		c.state = inEscape
	case b == '\r':
		c.back = true
	case b >= utf8.RuneSelf:
		c.state = inRune
		return c.stepRune(b)
	default:
		const digits = "0123456789abcdef"
		c.visible(append(c.room[:0], '\\', 'x', digits[b>>4], digits[b&15]))
	}
	return true
}

func (c *cleaner) stepRune(b byte) bool {
	c.part = append(c.part, b)
	if !utf8.FullRune(c.part) {
		return true
	}
	r, size := utf8.DecodeRune(c.part)
	taken := size == len(c.part)
	switch {
	case r == utf8.RuneError:
		c.put("\uFFFD")
	case harmful(r):
		c.put(escaped(r))
	default:
		c.visible(c.part)
	}
	c.part, c.state = c.part[:0], ground
	return taken
}

func escaped(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// harmful is true for what moves, hides or forges text in a display.
func harmful(r rune) bool {
	tag := r >= 0xe0000 && r <= 0xe007f
	return tag || r == '\u2028' || r == '\u2029' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

func (c *cleaner) stepEscape(b byte) bool {
	switch {
	case b == '[':
		c.state = inCSI
	case strings.IndexByte("]PX^_", b) >= 0:
		c.state = inString
	case b >= 0x20 && b < 0x30:
		c.state = inIntermediate
	case b >= 0x30 && b < 0x7f:
		c.state = ground
	default:
		c.put(`\x1b`)
		c.state = ground
		return false
	}
	return true
}

// skipUntil passes over a sequence that a byte from final to 0x7e ends, and
// gives it up at a byte that cannot be in it.
func (c *cleaner) skipUntil(b, final byte) bool {
	if b >= 0x20 && b < final {
		return true
	}
	c.state = ground
	return b >= final && b < 0x7f
}

func (c *cleaner) stepString(b byte) bool {
	const bel, can, sub, esc = 0x07, 0x18, 0x1a, 0x1b
	switch b {
	case bel, can, sub:
		c.state = ground
	case esc:
		c.state = inStringEscape
	case '\n':
		c.state = ground
		return false
	}
	return true
}

func (c *cleaner) stepStringEscape(b byte) bool {
	if b == '\\' {
		c.state = ground
		return true
	}
	c.state = inEscape
	return false
}
