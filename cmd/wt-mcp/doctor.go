package main

import (
	"context"
	"encoding/json"
	"fmt"

	"wt-mcp/tools"
)

// doctor says what disagrees, and with --fix mends what needs no decision.
func (p *program) doctor(ctx context.Context) error {
	p.readOnly = true // opening finishes nothing unasked: that is what is to be told
	board, err := p.open(ctx, func(context.Context) []string { return nil })
	if err != nil {
		return err
	}
	defer board.Close()
	findings, err := board.Diagnose(ctx)
	if err != nil {
		return err
	}
	if p.fix {
		if findings, err = board.For(tools.Caller{Actor: "doctor"}).Mend(ctx, findings); err != nil {
			fmt.Fprintln(p.stderr, "wt-mcp:", err)
		}
	}
	left := 0
	for _, f := range findings {
		if f.Mended == "" {
			left++
		}
	}
	if err := p.printFindings(findings, left); err != nil || left > 0 {
		return errTold
	}
	return nil
}

func (p *program) printFindings(findings []tools.Finding, left int) error {
	if p.json {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"findings": append([]tools.Finding{}, findings...), "left": left})
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
	_, err := fmt.Fprintln(p.stdout, summary(len(findings), left))
	return err
}

func summary(all, left int) string {
	if all == 0 {
		return "board, registry, git and disk agree"
	}
	return fmt.Sprintf("%d found, %d mended, %d left", all, all-left, left)
}
