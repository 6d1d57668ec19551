// Command wt-mcp is an MCP stdio server that gives coding agents a durable task
// board bound to git worktrees. See README.md.
//
// Exit codes: 0 done, 1 it failed and stderr says why, 2 wrong usage,
// 130 ended by a signal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"wt-mcp/tools/runner"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 130
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == runner.SuperviseCommand {
		os.Exit(supervise(os.Stdin, os.Stdout))
	}
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// program is one run of a command, with the flags that several commands have.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
	environ        []string // as it was given to us, see runner.Withhold

	unnamed  bool // no command was named
	repo     string
	readOnly bool
	verbose  bool
	level    slog.Level
	json     bool
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{level: slog.LevelWarn, stdin: stdin, stdout: stdout, stderr: stderr, environ: runner.Withhold()}
	c, words, err := p.choose(args)
	if err == nil {
		err = c.run(ctx, words)
	}
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "wt-mcp: %v\nwt-mcp --help lists the commands.\n", wrong)
		return exitUsage
	case ctx.Err() != nil:
		return exitSignal
	case !errors.Is(err, errTold):
		fmt.Fprintln(stderr, "wt-mcp:", err)
	}
	return exitFailed
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

// errTold is a failure that the user has been told of already.
var errTold = errors.New("failed")
