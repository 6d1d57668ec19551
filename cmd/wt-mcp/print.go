package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"wt-mcp/tools"
)

// reader opens the board for a command that changes nothing.
func (p *program) reader(ctx context.Context) (*tools.Board, error) {
	p.readOnly = true
	return p.open(ctx)
}

// printJSON prints a value for scripts.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// checkStatus accepts no status, or one of the given ones.
func checkStatus[S ~string](given string, known ...S) error {
	if given == "" || slices.Contains(known, S(given)) {
		return nil
	}
	return usageError{fmt.Errorf("--status: there is no %q; there are %v", given, known)}
}
