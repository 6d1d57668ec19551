package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether a person sits at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint colours text for a terminal, and leaves it alone for anything else.
type paint bool

func painter(w io.Writer) paint {
	return paint(isTerminal(w) && os.Getenv("NO_COLOR") == "")
}

func (p paint) in(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(text string) string  { return p.in("1", text) }
func (p paint) dim(text string) string   { return p.in("2", text) }
func (p paint) green(text string) string { return p.in("32", text) }
func (p paint) red(text string) string   { return p.in("31", text) }
func (p paint) cyan(text string) string  { return p.in("36", text) }
