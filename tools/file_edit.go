package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"wt-mcp/state"
	"wt-mcp/tools/jail"
)

func fileEdit() Tool {
	return define(Tool{
		Name:        "file_edit",
		Title:       "Edit a file of a worktree",
		Description: "Replace the first occurrence of old_text in a file of a worktree.",
		Set:         Files,
		Destructive: true,
	}, (*Board).FileEdit, FileEditOut.text)
}

// FileEditIn are the arguments of file_edit.
type FileEditIn struct {
	Worktree string      `json:"worktree"`
	Path     string      `json:"path" jsonschema:"relative to the worktree"`
	OldText  string      `json:"old_text" jsonschema:"exact text to replace"`
	NewText  string      `json:"new_text"`
	Claim    state.Token `json:"claim,omitzero"`
}

// FileEditOut tells what was replaced, and how often old_text is still there.
type FileEditOut struct {
	Path  string `json:"path"`
	Line  int    `json:"line" jsonschema:"where the replaced text began"`
	Left  int    `json:"left,omitempty" jsonschema:"occurrences of old_text after it"`
	Bytes int    `json:"bytes" jsonschema:"size of the file now"`
}

// FileEdit edits a file within a worktree.
func (b *Board) FileEdit(ctx context.Context, in FileEditIn) (FileEditOut, error) {
	if in.OldText == "" {
		return FileEditOut{}, state.Invalid("old_text", "pass the exact text to replace; file_write makes a new file", "is empty")
	}
	at, commit, err := b.claimed(ctx, in.Worktree, in.Path, in.Claim, (*jail.Jail).Find)
	if err != nil {
		return FileEditOut{}, err
	}
	defer at.Close()
	file, _, err := at.open()
	if err != nil {
		return FileEditOut{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err = errors.Join(err, file.Close()); err != nil {
		return FileEditOut{}, fileError(in.Path, err)
	}
	before, after, found := bytes.Cut(data, []byte(in.OldText))
	if !found {
		return FileEditOut{}, state.Errorf(state.NotFound, "read the file again with file_read; white space counts",
			"old_text does not occur in %q", state.Visible(state.Clip(in.Path, 100)))
	}
	edited := bytes.Join([][]byte{before, after}, []byte(in.NewText))
	out := FileEditOut{Path: in.Path, Line: bytes.Count(before, []byte("\n")) + 1,
		Left: bytes.Count(after, []byte(in.OldText)), Bytes: len(edited)}
	return out, at.replace(edited, at.Info.Mode().Perm(), commit)
}

func (out FileEditOut) text() string {
	text := fmt.Sprintf("edited %s at line %d, %d bytes now", state.Visible(out.Path), out.Line, out.Bytes)
	if out.Left > 0 {
		text += fmt.Sprintf("; the old text occurs %d times more after it", out.Left)
	}
	return text
}
