package desk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// What leads on from a call that named its repository names it too.
func TestStepsStayInTheRepository(t *testing.T) {
	steps := func() []tools.Step {
		return []tools.Step{{Why: "say", In: nil}, {Why: "none", Tool: "task_list", In: state.Fields{}}, {Why: "map", Tool: "task_get", In: state.Fields{"task_id": 1}},
			{Why: "struct", Tool: "task_update", In: tools.TaskUpdateIn{TaskID: 1, Note: `<a>"`}}}
	}
	for repo, want := range map[string][]string{
		"":       {`say`, `none: task_list {}`, `map: task_get {"task_id":1}`, `struct: task_update {"task_id":1,"note":"<a>\""}`},
		`a "<b>`: {`say`, `none: task_list {"repo":"a \"<b>"}`, `map: task_get {"task_id":1,"repo":"a \"<b>"}`, `struct: task_update {"task_id":1,"note":"<a>\"","repo":"a \"<b>"}`},
	} {
		var got []string
		for _, s := range inRepo(steps(), repo) {
			got = append(got, s.String())
		}
		require.Equal(t, want, got)
	}
}
