package tools

import (
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
