package main

import (
	"context"
	"flag"
	"fmt"

	"wt-mcp/tools"
)

// lander lands a worktree for a person.
type lander struct {
	*program
	in tools.WorktreeMergeIn
}

func landCommand(p *program) command {
	l := &lander{program: p}
	return command{name: "land", args: "NAME", summary: "land the commits of worktree NAME in the branch that it began from", flags: l.flags, run: l.run}
}

func (l *lander) flags(f *flag.FlagSet) {
	l.boardFlags(f)
	l.jsonFlag(f)
	f.StringVar(&l.in.Strategy, "strategy", "", "land by `S`: merge, squash, rebase or ff; default merge")
	f.StringVar(&l.in.Target, "target", "", "land in the local branch `REF` instead")
	f.BoolVar(&l.in.DryRun, "dry-run", false, "say what would happen, and write nothing")
}

func (l *lander) run(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return usageError{fmt.Errorf("use: wt-mcp land NAME [--strategy S] [--target REF] [--dry-run]")}
	}
	switch l.in.Strategy {
	case "", "merge", "squash", "rebase", "ff":
	default:
		return usageError{fmt.Errorf("there is no strategy %q: merge, squash, rebase or ff", l.in.Strategy)}
	}
	l.in.Name = words[0]
	board, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	out, err := board.For(tools.Caller{Actor: "cli"}).WorktreeMerge(ctx, l.in)
	if err != nil {
		return l.tell(err)
	}
	if l.json {
		return l.printJSON(out)
	}
	_, err = fmt.Fprintln(l.stdout, out.Text())
	return err
}
