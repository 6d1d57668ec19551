package main

const about = `wt-mcp is an MCP server: a task board and git worktrees for coding agents.
It talks to an MCP client over stdin and stdout, so there is nothing to type here.

See it work:            wt-mcp demo
Add it to Claude Code:  claude mcp add wt -- wt-mcp
One call by hand:       wt-mcp call task_create '{"subject":"Try wt-mcp"}'
All commands:           wt-mcp --help
`

const help = `wt-mcp: a durable task board bound to git worktrees, for coding agents (MCP over stdio)

usage: wt-mcp [command] [flags]

commands
  serve             speak MCP on stdin and stdout (the default where stdin is no terminal)
  call TOOL [JSON]  make one tool call and print its answer; exit 1 if it is an error
  demo              play a session on a scratch repository, step by step
  tasks             print the tasks; --status, --ready, --owner, --label, --query choose
  worktrees         print the worktrees on the board, and those that only git knows
  events            print the newest events (-n 20); -f goes on with those that come;
                    --event PREFIX chooses
  task release N    end the claim on task N; --force although its lease goes on
  doctor            say what disagrees between board, registry, git and disk, and what
                    mends it; --fix does the safe part; exit 1 while something is left
  trust             show the repository's .wt-mcp.toml and approve this very content of it
  version, help

flags
  --repo DIR        the repository; default: the client's roots, then the current directory
  --toolsets LIST   of default, integrate, files; or all (default: default,integrate)
  --read-only       offer only tools that change nothing
  --verbose         log to stderr what goes on
  --json            print the structured result, for scripts
  --fix             doctor: mend what needs no decision; deletes no work

environment
  WT_MCP_SYNC=off   do not flush to disk: for boards that may be lost with the power
  WT_MCP_ALLOW_NETFS=1  use a board on a network file system, whose locks may not hold

exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by a signal
`
