package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// reader opens the board for a command that changes nothing.
func (p *program) reader(ctx context.Context) (*tools.Board, error) {
	p.readOnly = true
	return p.open(ctx, func(context.Context) []string { return nil })
}

// printJSON prints a value for scripts.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tasks prints the board's tasks, or those that were asked for.
func (p *program) tasks(ctx context.Context) error {
	if err := checkStatus(p.filter.status, state.Statuses()...); err != nil {
		return err
	}
	board, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	in := tools.TaskListIn{Status: state.Status(p.filter.status), Label: p.filter.label, Query: p.filter.query, Ready: p.filter.ready, Limit: 500}
	if p.filter.owner != "" {
		in.Owner = &p.filter.owner
	}
	var all tools.TaskListOut
	for first := true; first || in.Cursor != ""; first = false {
		page, err := board.TaskList(ctx, in)
		if err != nil {
			return err
		}
		all.Counts, all.Problems = page.Counts, page.Problems
		all.Tasks = append(all.Tasks, page.Tasks...)
		in.Cursor = page.NextCursor
	}
	if p.json {
		return p.printJSON(all)
	}
	return p.printTasks(all)
}

// checkStatus accepts no status, or one of the given ones.
func checkStatus[S ~string](given string, known ...S) error {
	if given == "" || slices.Contains(known, S(given)) {
		return nil
	}
	return usageError{fmt.Errorf("--status: there is no %q; there are %v", given, known)}
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

// worktrees prints the registry, and what git knows beside it.
func (p *program) worktrees(ctx context.Context) error {
	if err := checkStatus(p.filter.status, state.Active, state.Kept, state.Removed); err != nil {
		return err
	}
	board, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	in := tools.WorktreeListIn{Status: state.WorktreeStatus(p.filter.status), Limit: 500}
	var all tools.WorktreeListOut
	for first := true; first || in.Cursor != ""; first = false {
		page, err := board.WorktreeList(ctx, in)
		if err != nil {
			return err
		}
		all.Worktrees = append(all.Worktrees, page.Worktrees...)
		all.Untracked = append(all.Untracked, page.Untracked...)
		all.Missing = append(all.Missing, page.Missing...)
		in.Cursor = page.NextCursor
	}
	if p.json {
		return p.printJSON(all)
	}
	return p.printWorktrees(all)
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

// events prints the newest events, and with --follow those that come.
func (p *program) events(ctx context.Context) error {
	board, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	in := tools.WorktreeEventsIn{Limit: p.lines, Event: p.filter.event}
	for {
		out, err := board.WorktreeEvents(ctx, in)
		if ctx.Err() != nil && p.follow {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.printEvents(out); err != nil || !p.follow {
			return err
		}
		const wait = 300.0
		in.AfterSeq, in.WaitSeconds, in.Limit = &out.LastSeq, wait, 200
	}
}

func (p *program) printEvents(out tools.WorktreeEventsOut) error {
	paint := painter(p.stdout)
	if err := p.printMissed(out.Missed); err != nil {
		return err
	}
	for _, e := range out.Events {
		if p.json {
			if err := json.NewEncoder(p.stdout).Encode(e); err != nil {
				return err
			}
			continue
		}
		line := tools.EventLine(e)
		if e.Error != "" {
			line = paint.red(line)
		}
		if _, err := fmt.Fprintln(p.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// printMissed says which events a follower was too late for.
func (p *program) printMissed(m *state.Missed) error {
	if m == nil {
		return nil
	}
	if p.json {
		return json.NewEncoder(p.stdout).Encode(map[string]any{"missed": m})
	}
	_, err := fmt.Fprintln(p.stdout, painter(p.stdout).red(tools.MissedLine(m)))
	return err
}

// task is what a person does to one task: release ends the claim on it.
func (p *program) task(ctx context.Context, args []string) error {
	if len(args) != 2 || args[0] != "release" {
		return usageError{fmt.Errorf("use: wt-mcp task release NUMBER [--force]")}
	}
	id, err := strconv.Atoi(strings.TrimPrefix(args[1], "#"))
	if err != nil || id < 1 {
		return usageError{fmt.Errorf("%q is no number of a task", args[1])}
	}
	board, err := p.open(ctx, func(context.Context) []string { return nil })
	if err != nil {
		return err
	}
	defer board.Close()
	t, err := board.For(tools.Caller{Actor: "cli"}).ReleaseTask(ctx, id, p.force)
	if err != nil {
		return p.tell(err)
	}
	if p.json {
		return p.printJSON(t)
	}
	_, err = fmt.Fprintln(p.stdout, tools.TaskLine(t))
	return err
}
