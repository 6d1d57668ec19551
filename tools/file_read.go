package tools

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"wt-mcp/state"
)

func fileRead() Tool {
	return define(Tool{
		Name:        "file_read",
		Title:       "Read a file of a worktree",
		Description: "Read lines of a text file in a worktree.",
		Set:         Files,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).FileRead, FileReadOut.text, FileReadOut.next)
}

// FileReadIn are the arguments of file_read.
type FileReadIn struct {
	Worktree string `json:"worktree"`
	Path     string `json:"path" jsonschema:"relative to the worktree"`
	Offset   int    `json:"offset,omitempty" jsonschema:"lines to skip" min:"0"`
	Limit    int    `json:"limit,omitempty" jsonschema:"lines to read, default what fits" min:"1"`
}

// FileReadOut is a part of a file, in whole lines.
type FileReadOut struct {
	Path       string `json:"path"`
	Content    string `json:"content"`
	Lines      int    `json:"lines" jsonschema:"lines in content"`
	TotalLines int    `json:"total_lines"`
	NextOffset int    `json:"next_offset,omitempty" jsonschema:"offset of what follows"`

	asked FileReadIn
}

// FileRead reads a file within a worktree.
func (b *Board) FileRead(ctx context.Context, in FileReadIn) (FileReadOut, error) {
	at, err := b.looked(ctx, in.Worktree, in.Path)
	if err != nil {
		return FileReadOut{}, err
	}
	defer at.Close()
	file, size, err := at.open()
	if err != nil {
		return FileReadOut{}, err
	}
	defer file.Close()
	p := newPager(in)
	if err := p.read(ctx, io.LimitReader(file, maxFile)); err != nil {
		return FileReadOut{}, fileError(in.Path, err)
	}
	if !p.isText() {
		return FileReadOut{}, state.Invalid("path", "look at it through worktree_run (file, xxd)", "%q is no UTF-8 text (%d bytes)", state.Clip(in.Path, 100), size)
	}
	out := p.result()
	out.asked = in
	return out, nil
}

func (out FileReadOut) text() string {
	return state.Lines(fmt.Sprintf("%s: %d of %d lines", state.Visible(out.Path), out.Lines, out.TotalLines), out.Content)
}

func (out FileReadOut) next() []Step {
	if out.NextOffset == 0 {
		return nil
	}
	again := out.asked
	again.Offset = out.NextOffset
	return []Step{{"more", "file_read", again}}
}

// pager takes the lines of a page out of a file that goes by, as many as fit a
// result, and counts the others. However long the file and its lines are, it
// keeps no more than the page.
type pager struct {
	out    FileReadOut
	first  int // line of the page
	limit  int // lines; 0: what fits
	budget int // bytes
	full   bool

	page strings.Builder
	line []byte // what may be shown of the line that is going by
	size int    // of that line
	part []byte // of a character, at the end of what went by
	bad  bool   // it is no text
}

func newPager(in FileReadIn) *pager {
	p := &pager{out: FileReadOut{Path: in.Path}, first: in.Offset, limit: in.Limit, budget: smallResult}
	if in.Limit > 0 {
		p.budget = largeResult
	}
	return p
}

// read has a file go by, until it turns out to be no text.
func (p *pager) read(ctx context.Context, file io.Reader) error {
	r := bufio.NewReaderSize(file, 64<<10)
	for !p.bad {
		chunk, err := r.ReadSlice('\n')
		p.check(chunk)
		p.take(chunk)
		switch {
		case errors.Is(err, io.EOF):
			p.endLine()
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			p.endLine()
		}
	}
	return nil
}

// check sees to it that what goes by is UTF-8 without NUL, characters that lie
// across two chunks included.
func (p *pager) check(chunk []byte) {
	for len(p.part) > 0 && len(chunk) > 0 && !utf8.FullRune(p.part) {
		p.part, chunk = append(p.part, chunk[0]), chunk[1:]
	}
	if utf8.FullRune(p.part) {
		p.bad = p.bad || !utf8.Valid(p.part)
		p.part = nil
	}
	if tail := unfinished(chunk); tail > 0 {
		p.part = append(p.part, chunk[len(chunk)-tail:]...)
		chunk = chunk[:len(chunk)-tail]
	}
	p.bad = p.bad || !utf8.Valid(chunk) || bytes.IndexByte(chunk, 0) >= 0
}

// unfinished is how many bytes at the end begin a character and do not end it.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if rest := text[len(text)-n:]; utf8.RuneStart(rest[0]) {
			if utf8.FullRune(rest) {
				return 0
			}
			return n
		}
	}
	return 0
}

// isText reports whether all that went by is text.
func (p *pager) isText() bool { return !p.bad && len(p.part) == 0 }

func (p *pager) take(chunk []byte) {
	p.size += len(chunk)
	if p.wanted() {
		p.line = append(p.line, chunk[:min(len(chunk), p.budget+utf8.UTFMax-len(p.line))]...)
	}
}

func (p *pager) wanted() bool {
	return !p.full && p.out.TotalLines >= p.first && (p.limit == 0 || p.out.Lines < p.limit)
}

func (p *pager) endLine() {
	if p.size == 0 {
		return
	}
	if p.wanted() {
		if p.full = p.out.Lines > 0 && p.page.Len()+p.size > p.budget; !p.full {
			p.page.WriteString(clipBytes(string(p.line), p.budget))
			p.out.Lines++
		}
	}
	p.out.TotalLines++
	p.line, p.size = p.line[:0], 0
}

func (p *pager) result() FileReadOut {
	out := p.out
	out.Content = p.page.String()
	if next := p.first + out.Lines; next < out.TotalLines && out.Lines > 0 {
		out.NextOffset = next
	}
	return out
}

// clipBytes cuts text to a number of bytes, between two characters.
func clipBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
