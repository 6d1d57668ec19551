package tools

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"wt-mcp/git"
	"wt-mcp/state"
)

// window keeps a part of what is written to it, and ends the writing behind that.
type window struct {
	skip, left int // bytes
	more       bool
	buffer     bytes.Buffer
}

// Write answers [git.ErrOutput] once there is more than it keeps.
func (w *window) Write(p []byte) (int, error) {
	n := len(p)
	jump := min(w.skip, n)
	w.skip -= jump
	p = p[jump:]
	keep := min(w.left, len(p))
	w.left -= keep
	w.buffer.Write(p[:keep])
	if keep < len(p) {
		w.more = true
		return n - len(p) + keep, git.ErrOutput
	}
	return n, nil
}

// text is what was kept as text that is safe to show, and how many bytes it stands for:
// whole lines where more follows and there is one.
func (w *window) text() (string, int) {
	raw := w.buffer.Bytes()
	if w.more {
		if end := bytes.LastIndexByte(raw, '\n'); end >= 0 {
			raw = raw[:end+1]
		} else {
			raw = raw[:len(raw)-tornRune(raw)]
		}
	}
	lines := strings.Split(string(raw), "\n")
	for i, line := range lines {
		parts := strings.Split(line, "\t")
		for k := range parts {
			parts[k] = state.Visible(parts[k])
		}
		lines[i] = strings.Join(parts, "\t")
	}
	return strings.Join(lines, "\n"), len(raw)
}

// tornRune is how many bytes at the end are the beginning of a rune.
func tornRune(raw []byte) int {
	for back := 1; back <= min(utf8.UTFMax, len(raw)-1); back++ {
		if at := raw[len(raw)-back:]; utf8.RuneStart(at[0]) {
			if utf8.FullRune(at) {
				return 0
			}
			return back
		}
	}
	return 0
}
