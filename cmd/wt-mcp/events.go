package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// eventReader prints the newest events, and with follow those that come.
type eventReader struct {
	*program
	tools.WorktreeEventsIn
	follow bool
}

func eventsCommand(p *program) command {
	r := &eventReader{program: p}
	return command{name: "events", summary: "print the newest events, and with -f those that come", flags: r.flags, run: r.run}
}

func (r *eventReader) flags(f *flag.FlagSet) {
	r.boardFlags(f)
	r.jsonFlag(f)
	f.IntVar(&r.Limit, "n", 20, "print the newest `COUNT`; default 20")
	f.BoolVar(&r.follow, "f", false, "go on with those that come")
	f.BoolVar(&r.follow, "follow", false, "the same as -f")
	f.StringVar(&r.Event, "event", "", "only those whose name begins with `PREFIX`")
}

func (r *eventReader) run(ctx context.Context, _ []string) error {
	board, err := r.reader(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	for {
		out, err := board.WorktreeEvents(ctx, r.WorktreeEventsIn)
		if ctx.Err() != nil && r.follow {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.printEvents(out); err != nil || !r.follow {
			return err
		}
		const wait = 300.0
		r.AfterSeq, r.WaitSeconds, r.Limit = &out.LastSeq, wait, 200
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
