package tools

import (
	"encoding/json"
	"fmt"

	"wt-mcp/state"
)

// fitTask shortens a task until it fits a result: blockers go that would fill half
// of it alone, then the oldest attempts and notes, then text; the file has all of it.
func fitTask(t state.Task, budget int) state.Task {
	for jsonSize(t.BlockedBy) > budget/2 {
		t.BlockedBy = t.BlockedBy[:len(t.BlockedBy)/2]
	}
	size := jsonSize(t)
	for size > budget && len(t.Attempts) > 1 {
		size -= jsonSize(t.Attempts[0]) + 1
		t.Attempts = t.Attempts[1:]
	}
	for size > budget && len(t.Notes) > 1 {
		size -= jsonSize(t.Notes[0]) + 1
		t.Notes = t.Notes[1:]
	}
	for limit := budget; limit > 200 && jsonSize(t) > budget; limit /= 2 {
		t.Description = clipText(t.Description, limit, t.ID)
		if t.Closeout != nil {
			end := *t.Closeout
			end.Reason = clipText(end.Reason, limit, t.ID)
			t.Closeout = &end
		}
		if len(t.Notes) > 0 {
			last := t.Notes[len(t.Notes)-1]
			last.Text = clipText(last.Text, limit, t.ID)
			t.Notes = []state.Note{last}
		}
	}
	return t
}

func jsonSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(data)
}

func clipText(s string, limit, id int) string {
	if len(s) <= limit {
		return s
	}
	cut := state.Clip(s, max(1, limit/4))
	return fmt.Sprintf("%s [cut; all of it: .tasks/task_%d.json]", cut, id)
}

// fitWorktree shortens a long reason; the registry has all of it.
func fitWorktree(w state.Worktree) state.Worktree {
	if w.Closeout != nil {
		end := *w.Closeout
		end.Reason = state.Clip(end.Reason, 300)
		w.Closeout = &end
	}
	return w
}

// clipFields shortens long texts and lists; the log has all of them.
func clipFields(f state.Fields) state.Fields {
	for key, value := range f {
		switch v := value.(type) {
		case string:
			f[key] = state.Clip(v, 300)
		case map[string]any:
			f[key] = clipFields(v)
		case []any:
			f[key] = v[:min(len(v), maxBlockers)]
		}
	}
	return f
}
