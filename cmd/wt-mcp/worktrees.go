package main

import (
	"context"
	"flag"
	"fmt"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// worktreeLister prints the registry, and what git knows beside it.
type worktreeLister struct {
	*program
	tools.WorktreeListIn
}

func worktreesCommand(p *program) command {
	l := &worktreeLister{p, tools.WorktreeListIn{Limit: 500}}
	return command{name: "worktrees", summary: "print the worktrees on the board, and those that only git knows", flags: l.flags, run: l.run}
}

func (l *worktreeLister) flags(f *flag.FlagSet) {
	l.boardFlags(f)
	l.jsonFlag(f)
	f.StringVar((*string)(&l.Status), "status", "", "only those with `STATUS`")
}

func (l *worktreeLister) run(ctx context.Context, _ []string) error {
	if err := checkStatus(string(l.Status), state.Active, state.Kept, state.Removed); err != nil {
		return err
	}
	board, err := l.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	var all tools.WorktreeListOut
	for first := true; first || l.Cursor != ""; first = false {
		page, err := board.WorktreeList(ctx, l.WorktreeListIn)
		if err != nil {
			return err
		}
		all.Worktrees = append(all.Worktrees, page.Worktrees...)
		all.Untracked = append(all.Untracked, page.Untracked...)
		all.Missing = append(all.Missing, page.Missing...)
		l.Cursor = page.NextCursor
	}
	if l.json {
		return l.printJSON(all)
	}
	return l.printWorktrees(all)
}

func (p *program) printWorktrees(out tools.WorktreeListOut) error {
	paint := painter(p.stdout)
	styles := map[state.WorktreeStatus]func(string) string{state.Active: paint.cyan, state.Kept: paint.green, state.Removed: paint.dim}
	var rows [][]cell
	for _, w := range out.Worktrees {
		task := ""
		if w.TaskID != nil {
			task = fmt.Sprintf("#%d", *w.TaskID)
		}
		rows = append(rows, []cell{
			{text: state.Visible(string(w.Status)), style: styles[w.Status]},
			{text: state.Visible(w.Name), style: paint.bold},
			{text: task},
			{text: state.Visible(w.Branch)},
			{text: w.Use(), style: paint.dim},
			{text: state.Visible(w.Path), style: paint.dim},
		})
	}
	for _, u := range out.Untracked {
		rows = append(rows, []cell{{text: "untracked", style: paint.red}, {}, {}, {text: state.Visible(u.Branch)}, {}, {text: state.Visible(u.Path), style: paint.dim}})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no worktrees")
		return err
	}
	return printTable(p.stdout, rows)
}
