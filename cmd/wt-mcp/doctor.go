package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// doctor says what disagrees, and with fix mends what needs no decision.
type doctor struct {
	*program
	fix bool
}

func doctorCommand(p *program) command {
	d := &doctor{program: p}
	return command{
		name: "doctor", summary: "say what disagrees between board, registry, git and disk",
		detail: "and what mends it; the exit code is 1 while something is left",
		flags:  d.flags, run: d.run,
	}
}

func (d *doctor) flags(f *flag.FlagSet) {
	d.boardFlags(f)
	d.jsonFlag(f)
	f.BoolVar(&d.fix, "fix", false, "mend what needs no decision; deletes no work")
}

func (d *doctor) run(ctx context.Context, _ []string) error {
	d.readOnly = true // opening finishes nothing unasked: that is what is to be told
	board, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	findings, err := board.Diagnose(ctx)
	if err != nil {
		return err
	}
	if d.fix {
		if findings, err = board.For(tools.Caller{Actor: "doctor"}).Mend(ctx, findings); err != nil {
			fmt.Fprintln(d.stderr, "wt-mcp:", err)
		}
	}
	left := 0
	for _, f := range findings {
		if f.Mended == "" {
			left++
		}
	}
	drivers, err := board.Git.Drivers(ctx)
	if err != nil {
		return err
	}
	if err := d.printFindings(findings, drivers, left); err != nil || left > 0 {
		return errTold
	}
	return nil
}

func (p *program) printFindings(findings []tools.Finding, drivers []string, left int) error {
	if p.json {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"findings": append([]tools.Finding{}, findings...), "left": left, "drivers": append([]string{}, drivers...)})
	}
	paint := painter(p.stdout)
	for _, f := range findings {
		fmt.Fprintf(p.stdout, "%s %s: %s\n", paint.bold(f.Kind), f.Subject, f.What)
		if f.Mended != "" {
			fmt.Fprintf(p.stdout, "  %s\n", paint.green("mended: "+f.Mended))
		} else {
			fmt.Fprintf(p.stdout, "  next: %s\n", f.Next)
		}
	}
	if len(drivers) > 0 {
		fmt.Fprintf(p.stdout, "filters and merge drivers in effect: %s\n", state.Visible(strings.Join(drivers, ", ")))
	}
	_, err := fmt.Fprintln(p.stdout, summary(len(findings), left))
	return err
}

func summary(all, left int) string {
	if all == 0 {
		return "board, registry, git and disk agree"
	}
	return fmt.Sprintf("%d found, %d mended, %d left", all, all-left, left)
}
