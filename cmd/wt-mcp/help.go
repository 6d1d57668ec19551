package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

const about = `wt-mcp is an MCP server: a task board and git worktrees for coding agents.
It talks to an MCP client over stdin and stdout, so there is nothing to type here.

See it work:            wt-mcp demo
Add it to Claude Code:  claude mcp add wt -- wt-mcp
One call by hand:       wt-mcp call task_create '{"subject":"Try wt-mcp"}'
All commands:           wt-mcp --help
`

const (
	overviewHead = `wt-mcp: a durable task board bound to git worktrees, for coding agents (MCP over stdio)

usage: wt-mcp [command] [flags]

commands
`
	overviewTail = `
wt-mcp COMMAND --help says more of one, and lists its flags

environment
  WT_MCP_SYNC=off   do not flush to disk: for boards that may be lost with the power
  WT_MCP_ALLOW_NETFS=1  use a board on a network file system, whose locks may not hold

exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by a signal
`
)

func helpCommand(p *program) command {
	return command{
		name: "help", args: "[COMMAND]", summary: "say what the program does, or one command; --help too",
		run: func(_ context.Context, words []string) error { return p.help(words) },
	}
}

func (p *program) help(words []string) error {
	all := commands(p)
	if len(words) == 0 {
		_, err := io.WriteString(p.stdout, overview(all))
		return err
	}
	c, err := find(all, words)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, c.help())
	return err
}

// overview has one line for each command.
func overview(all []command) string {
	var b strings.Builder
	b.WriteString(overviewHead)
	for _, c := range all {
		fmt.Fprintf(&b, "  %-16s  %s\n", c.usage(), c.summary)
	}
	b.WriteString(overviewTail)
	return b.String()
}

// help is what the command says of itself.
func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: wt-mcp %s [flags]\n\n%s\n", c.usage(), c.summary)
	if c.detail != "" {
		fmt.Fprintln(&b, c.detail)
	}
	title := "\nflags\n"
	c.flagSet().VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "%s  %-17s %s\n", title, strings.TrimSpace(dashed(f.Name)+" "+value), usage)
		title = ""
	})
	return b.String()
}
