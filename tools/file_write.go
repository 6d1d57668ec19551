package tools

import (
	"context"
	"fmt"

	"wt-mcp/state"
	"wt-mcp/tools/jail"
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
	at, commit, err := b.claimed(ctx, in.Worktree, in.Path, in.Claim, (*jail.Jail).Make)
	if err != nil {
		return FileWriteOut{}, err
	}
	defer at.Close()
	out := FileWriteOut{Path: in.Path, Bytes: len(in.Content), Created: at.Info == nil}
	mode := defaultMode
	if at.Info != nil {
		mode = at.Info.Mode().Perm()
	}
	return out, at.replace([]byte(in.Content), mode, commit)
}

func (out FileWriteOut) text() string {
	verb := "replaced"
	if out.Created {
		verb = "created"
	}
	return fmt.Sprintf("%s %s, %d bytes", verb, state.Visible(out.Path), out.Bytes)
}
