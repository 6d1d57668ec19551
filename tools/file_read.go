package tools

import (
	"context"
	"fmt"
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
	}, (*Board).FileRead, FileReadOut.text)
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
}

// FileRead reads a file within a worktree.
func (b *Board) FileRead(ctx context.Context, in FileReadIn) (FileReadOut, error) {
	root, path, err := b.openRoot(ctx, in.Worktree, in.Path)
	if err != nil {
		return FileReadOut{}, err
	}
	defer root.Close()
	data, _, err := readIn(root, path)
	if err != nil {
		return FileReadOut{}, err
	}
	if !utf8.Valid(data) || strings.ContainsRune(string(data), 0) {
		return FileReadOut{}, invalid("path", "look at it through worktree_run (file, xxd)", "%q is no UTF-8 text (%d bytes)", in.Path, len(data))
	}
	return in.cut(strings.SplitAfter(string(data), "\n")), nil
}

// cut takes the lines that were asked for, as many as fit a result.
func (in FileReadIn) cut(all []string) FileReadOut {
	if all[len(all)-1] == "" { // behind the last newline, or of an empty file
		all = all[:len(all)-1]
	}
	budget, limit := smallResult, len(all)
	if in.Limit > 0 {
		budget, limit = largeResult, in.Limit
	}
	out := FileReadOut{Path: in.Path, TotalLines: len(all)}
	var b strings.Builder
	for i := in.Offset; i < len(all) && out.Lines < limit; i++ {
		if b.Len()+len(all[i]) > budget && out.Lines > 0 {
			break
		}
		b.WriteString(clipBytes(all[i], budget))
		out.Lines++
	}
	out.Content = b.String()
	if next := in.Offset + out.Lines; next < len(all) && out.Lines > 0 {
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

func (out FileReadOut) text() string {
	text := fmt.Sprintf("%s: %d of %d lines", state.Visible(out.Path), out.Lines, out.TotalLines)
	if out.NextOffset > 0 {
		text += fmt.Sprintf(", more: file_read with offset=%d", out.NextOffset)
	}
	return lines(text, out.Content)
}
