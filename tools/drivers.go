package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
)

// leftOff says which filters and merge drivers of the repository's own configuration
// are not used, because the user has not approved them; "" where all are.
func (b *Board) leftOff(ctx context.Context) string {
	programs, err := b.Git.Programs(ctx)
	if names := programs.Drivers(); err == nil && !programs.Approved && len(names) > 0 {
		return fmt.Sprintf("not used: %s of the repository's git configuration, which the user has not approved; files are taken as they lie there; for the user: wt-mcp trust shows and approves it",
			state.Clip(state.Visible(strings.Join(names, ", ")), 200))
	}
	return ""
}

// drivers finds what git is not given, though the repository asks for it.
func (d *diagnosis) drivers(ctx context.Context) error {
	programs, err := d.board.Git.Programs(ctx)
	if err == nil && !programs.Approved && len(programs.Settings) > 0 {
		var keys []string
		for _, s := range programs.Settings {
			keys = append(keys, s.Key)
		}
		d.add(Finding{Kind: "unapproved", Subject: "git configuration of the repository",
			What: "not in effect for wt-mcp, which runs git without them: " + state.Clip(state.Visible(strings.Join(keys, ", ")), 500),
			Next: "wt-mcp trust shows and approves them"})
	}
	return err
}
