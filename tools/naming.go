package tools

import (
	"context"
	"fmt"
	"strings"

	"wt-mcp/state"
)

// laneName is a worktree name that says what a task is about, in few words:
// implement-auth-refactor; task-7 where the subject gives none.
func laneName(t state.Task) string {
	const length = 32
	words := strings.FieldsFunc(strings.ToLower(t.Subject), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	name := ""
	for _, word := range words {
		longer := strings.TrimPrefix(name+"-"+word, "-")
		if len(longer) > length {
			break
		}
		name = longer
	}
	if state.CheckName(name) != nil {
		return fmt.Sprintf("task-%d", t.ID)
	}
	return name
}

// freeName is a name that no worktree has: the given one, else that with a number.
func (b *Board) freeName(ctx context.Context, name string) (string, error) {
	names, err := state.LiveNames(ctx, b.State)
	taken := map[string]bool{}
	for _, n := range names {
		taken[strings.ToLower(n)] = true
	}
	free := name
	for i := 2; taken[strings.ToLower(free)] || onDisk(b.worktreePath(free)); i++ {
		suffix := fmt.Sprintf("-%d", i)
		free = name[:min(len(name), 40-len(suffix))] + suffix
	}
	return free, err
}
