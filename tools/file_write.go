package tools

import (
	"context"
	"fmt"

	"wt-mcp/state"
)

func fileWrite() Tool {
	return define(Tool{
		Name:        "file_write",
		Title:       "Write a file of a worktree",
		Description: "Create or replace a file in a worktree, with its directories.",
		Set:         Files,
		Destructive: true,
		Idempotent:  true,
	}, (*Board).FileWrite, FileWriteOut.text)
}

// FileWriteIn are the arguments of file_write.
type FileWriteIn struct {
	Worktree string      `json:"worktree"`
	Path     string      `json:"path" jsonschema:"relative to the worktree"`
	Content  string      `json:"content"`
	Claim    state.Token `json:"claim,omitzero"`
}

// FileWriteOut tells what was written.
type FileWriteOut struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Created bool   `json:"created"`
}

// FileWrite writes a file within a worktree.
func (b *Board) FileWrite(ctx context.Context, in FileWriteIn) (FileWriteOut, error) {
	root, path, commit, err := b.openClaimed(ctx, in.Worktree, in.Path, in.Claim)
	if err != nil {
		return FileWriteOut{}, err
	}
	defer root.Close()
	out := FileWriteOut{Path: in.Path, Bytes: len(in.Content)}
	mode := defaultMode
	if info, err := root.Lstat(path); err == nil {
		mode = info.Mode().Perm()
	} else {
		out.Created = true
	}
	return out, writeIn(root, path, []byte(in.Content), mode, commit)
}

func (out FileWriteOut) text() string {
	verb := "replaced"
	if out.Created {
		verb = "created"
	}
	return fmt.Sprintf("%s %s, %d bytes", verb, state.Visible(out.Path), out.Bytes)
}
