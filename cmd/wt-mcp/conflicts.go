package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/tools"
)

// conflictLister prints which worktrees would collide.
type conflictLister struct {
	*program
	tools.WorktreeConflictsIn
}

func conflictsCommand(p *program) command {
	l := &conflictLister{p, tools.WorktreeConflictsIn{Limit: 500}}
	return command{name: "conflicts", args: "[NAME]", summary: "print which worktrees would collide, uncommitted work included", flags: l.flags, run: l.run}
}

func (l *conflictLister) flags(f *flag.FlagSet) {
	l.boardFlags(f)
	l.jsonFlag(f)
}

func (l *conflictLister) run(ctx context.Context, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("conflicts takes one NAME, not %q as well", args[1])}
	}
	if len(args) == 1 {
		l.Name = args[0]
	}
	board, err := l.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	out, err := board.WorktreeConflicts(ctx, l.WorktreeConflictsIn)
	if err != nil {
		return err
	}
	if l.json {
		return l.printJSON(out)
	}
	return l.printConflicts(out)
}

// printConflicts has a row for each file of each pair.
func (p *program) printConflicts(out tools.WorktreeConflictsOut) error {
	paint := painter(p.stdout)
	var rows [][]cell
	add := func(a, b string, files []git.Clash, more int) {
		for _, c := range files {
			rows = append(rows, []cell{{text: a, style: paint.bold}, {text: b, style: paint.bold}, {text: c.Path}, {text: tools.LineRanges(c.Lines)}, {text: c.Kind, style: paint.dim}})
			a, b = strings.Repeat(" ", len(a)), strings.Repeat(" ", len(b))
		}
		if more > 0 {
			rows = append(rows, []cell{{text: a}, {text: b}, {text: fmt.Sprintf("and %d files more", more)}, {}, {}})
		}
	}
	for _, pair := range out.Pairs {
		if pair.Why == "" {
			add(pair.A, pair.B, pair.Files, pair.More)
			continue
		}
		rows = append(rows, []cell{{text: pair.A, style: paint.bold}, {text: pair.B, style: paint.bold}, {text: "not known: " + pair.Why, style: paint.red}})
	}
	for _, t := range out.Target {
		add(t.Name, "its target "+t.Target, t.Files, t.More)
	}
	if len(rows) == 0 {
		rows = append(rows, []cell{{text: "no conflicts"}})
	}
	for _, u := range out.Unseen {
		rows = append(rows, []cell{{text: u.Name, style: paint.bold}, {text: "not all seen: " + u.Why, style: paint.red}})
	}
	return printTable(p.stdout, rows)
}
