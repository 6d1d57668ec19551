package tools

import (
	"context"
	"fmt"
	"io"

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
		return FileReadOut{}, invalid("path", "look at it through worktree_run (file, xxd)", "%q is no UTF-8 text (%d bytes)", state.Clip(in.Path, 100), size)
	}
	return p.result(), nil
}

func (out FileReadOut) text() string {
	text := fmt.Sprintf("%s: %d of %d lines", state.Visible(out.Path), out.Lines, out.TotalLines)
	if out.NextOffset > 0 {
		text += fmt.Sprintf(", more: file_read with offset=%d", out.NextOffset)
	}
	return state.Lines(text, out.Content)
}
