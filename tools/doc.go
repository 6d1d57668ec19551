// Package tools is what can be done with a board and its worktrees: a tool is a method of
// [Board] with its own In and Out types, in a file of its own, declared once in [All].
// It knows no protocol: MCP clients, the command line and tests call the same methods.
//
// What it promises of every tool:
//
//   - It may be called at the same time as any other, from any goroutine and from any
//     process of one machine that has a board on the same repository.
//   - What it answered with success is durable. Where it is refused or fails, files, git and
//     registry are as they were; what an interrupted one left is finished or undone by the
//     next process that looks.
//   - One that is declared to read changes nothing on the board, and a board that is
//     ReadOnly finishes nothing that others left.
//   - Its errors are of the package state: kind, fact, and the call that comes next. A
//     command that exits non-zero or runs out of time is a result.
//   - What an answer shows of others' words cannot forge a line of it.
//
// What may happen on the board is decided in tools/rules; what changes board and git
// together goes through tools/ops. The words are those of the package state.
package tools
