package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"wt-mcp/tools/runner"
)

// supervise is the life of a process that keeps one run at a time: see
// runner.Supervise. Where the server is gone at the end of a run, it tells the
// board itself.
func supervise(stdin io.Reader, stdout io.Writer) int {
	if err := runner.Supervise(stdin, stdout, tellOrphan); err != nil {
		return exitFailed
	}
	return exitOK
}

// tellOrphan opens the board, which has told whatever nobody told.
func tellOrphan(r runner.Record) {
	p := &program{repo: r.Root, environ: os.Environ(), log: slog.New(slog.DiscardHandler)}
	if board, err := p.open(context.Background()); err == nil {
		board.Close()
	}
}
