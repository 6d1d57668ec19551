package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// taskLister prints the board's tasks, or those that were asked for.
type taskLister struct {
	*program
	tools.TaskListIn
}

func tasksCommand(p *program) command {
	l := &taskLister{p, tools.TaskListIn{Limit: 500}}
	return command{name: "tasks", summary: "print the tasks", flags: l.flags, run: l.run}
}

func (l *taskLister) flags(f *flag.FlagSet) {
	l.boardFlags(f)
	l.jsonFlag(f)
	f.StringVar((*string)(&l.Status), "status", "", "only those with `STATUS`")
	f.BoolVar(&l.Ready, "ready", false, "only those that can be started, best first")
	f.Func("owner", "only those of `NAME`", func(name string) error { l.Owner = &name; return nil })
	f.StringVar(&l.Label, "label", "", "only those with `LABEL`")
	f.StringVar(&l.Query, "query", "", "only those with `TEXT` in them")
}

func (l *taskLister) run(ctx context.Context, _ []string) error {
	if err := checkStatus(string(l.Status), state.Statuses()...); err != nil {
		return err
	}
	board, err := l.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	var all tools.TaskListOut
	for first := true; first || l.Cursor != ""; first = false {
		page, err := board.TaskList(ctx, l.TaskListIn)
		if err != nil {
			return err
		}
		all.Counts, all.Problems = page.Counts, page.Problems
		all.Tasks = append(all.Tasks, page.Tasks...)
		l.Cursor = page.NextCursor
	}
	if l.json {
		return l.printJSON(all)
	}
	return l.printTasks(all)
}

func (p *program) printTasks(out tools.TaskListOut) error {
	paint := painter(p.stdout)
	styles := map[state.Status]func(string) string{state.Pending: nil, state.InProgress: paint.cyan, state.Completed: paint.green, state.Deleted: paint.dim}
	var rows [][]cell
	for _, t := range out.Tasks {
		rows = append(rows, []cell{
			{text: tools.TaskMark(t.Status), style: styles[t.Status]},
			{text: fmt.Sprintf("#%d", t.ID), style: paint.bold},
			{text: fmt.Sprintf("P%d", t.Priority), style: paint.dim},
			{text: state.Clip(state.Visible(t.Subject), 60)},
			{text: state.Visible(t.Owner), style: paint.cyan},
			{text: state.Visible(t.Worktree)},
			{text: state.Visible(strings.Join(t.Labels, ",")), style: paint.dim},
			{text: waitsFor(t.BlockedBy), style: paint.dim},
		})
	}
	if err := printTable(p.stdout, rows); err != nil {
		return err
	}
	for _, problem := range out.Problems {
		fmt.Fprintln(p.stderr, "wt-mcp: unreadable:", state.Visible(problem.File+": "+problem.Error))
	}
	c := out.Counts
	_, err := fmt.Fprintln(p.stdout, paint.dim(fmt.Sprintf("%d pending, %d in progress, %d completed", c[state.Pending], c[state.InProgress], c[state.Completed])))
	return err
}

func waitsFor(ids []int) string {
	var names []string
	for _, id := range ids[:min(len(ids), 5)] {
		names = append(names, "#"+strconv.Itoa(id))
	}
	if len(ids) > 5 {
		names = append(names, "…")
	}
	if len(names) == 0 {
		return ""
	}
	return "after " + strings.Join(names, ",")
}
