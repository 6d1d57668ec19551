package main

import (
	"context"
	"flag"
	"fmt"

	"wt-mcp/tools"
)

// differ prints what a worktree changes, all of it.
type differ struct {
	*program
	tools.WorktreeDiffIn
}

func diffCommand(p *program) command {
	d := &differ{p, tools.WorktreeDiffIn{Limit: 64 << 20}}
	return command{name: "diff", args: "NAME", summary: "print what worktree NAME changes", flags: d.flags, run: d.run}
}

func (d *differ) flags(f *flag.FlagSet) {
	d.boardFlags(f)
	d.jsonFlag(f)
	f.BoolVar(&d.Stat, "stat", false, "numbers alone")
	f.StringVar(&d.Against, "against", "", "compare with `REF`, another worktree, or target; not with its base")
	f.StringVar(&d.Path, "path", "", "only `FILE` or directory")
}

func (d *differ) run(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return usageError{fmt.Errorf("use: wt-mcp diff NAME [--stat] [--against REF] [--path FILE]")}
	}
	d.Name = words[0]
	board, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	out, err := board.WorktreeDiff(ctx, d.WorktreeDiffIn)
	if err != nil {
		return d.tell(err)
	}
	if d.json {
		return d.printJSON(out)
	}
	_, err = fmt.Fprintf(d.stdout, "%s\n%s", out.Numbers(), out.Patch)
	return err
}
