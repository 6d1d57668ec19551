package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"wt-mcp/tools"
)

// taskReleaser ends the claim on a task for a person.
type taskReleaser struct {
	*program
	force bool
}

func taskReleaseCommand(p *program) command {
	r := &taskReleaser{program: p}
	return command{name: "task release", args: "N", summary: "end the claim on task N", flags: r.flags, run: r.run}
}

func (r *taskReleaser) flags(f *flag.FlagSet) {
	r.boardFlags(f)
	r.jsonFlag(f)
	f.BoolVar(&r.force, "force", false, "although its lease goes on")
}

func (r *taskReleaser) run(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return usageError{fmt.Errorf("use: wt-mcp task release N [--force]")}
	}
	id, err := strconv.Atoi(strings.TrimPrefix(words[0], "#"))
	if err != nil || id < 1 {
		return usageError{fmt.Errorf("%q is no number of a task", words[0])}
	}
	if err := forTheUser("task release", "end somebody's claim"); err != nil {
		return err
	}
	board, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	t, err := board.For(tools.Caller{Actor: "cli"}).ReleaseTask(ctx, id, r.force)
	if err != nil {
		return r.tell(err)
	}
	if r.json {
		return r.printJSON(t)
	}
	_, err = fmt.Fprintln(r.stdout, tools.TaskLine(t))
	return err
}
