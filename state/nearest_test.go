package state

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	taskArgs := []string{"task_id", "base_ref", "name", "status", "owner", "subject", "description", "priority", "labels", "note"}
	toolNames := []string{"task_create", "task_list", "task_get", "task_update", "task_claim", "task_bind_worktree", "worktree_create", "worktree_list",
		"worktree_status", "worktree_run", "run_output", "run_stop", "worktree_keep", "worktree_remove", "worktree_events", "worktree_adopt", "worktree_prune",
		"worktree_snapshot", "worktree_restore", "file_read", "file_write", "file_edit"}
	for _, c := range []struct {
		name       string
		candidates []string
		want       string
	}{
		{"nam", taskArgs, "name"},
		{"Name", taskArgs, "name"},
		{"taskid", taskArgs, "task_id"},
		{"task", taskArgs, "task_id"},
		{"id", taskArgs, "task_id"},
		{"desc", taskArgs, "description"},
		{"prio", taskArgs, "priority"},
		{"base", taskArgs, "base_ref"}, // a beginning is nearer than another word of that length
		{"baseref", taskArgs, "base_ref"},
		{"task_creat", toolNames, "task_create"},
		{"create_task", toolNames, ""},
		{"worktree_delete", toolNames, ""},
		{"zzzzzz", taskArgs, ""},
		{"", taskArgs, ""},
		{strings.Repeat("x", 1000), taskArgs, ""},
		{"x", nil, ""},
	} {
		near := Nearest(c.name, c.candidates, 1)
		if c.want == "" {
			if len(near) > 0 {
				require.LessOrEqual(t, distance(c.name, near[0]), max(2, len(c.name)/3), "%q is not near %q", c.name, near[0])
			}
			continue
		}
		require.Equal(t, []string{c.want}, near, "%.20q", c.name)
	}
	require.Len(t, Nearest("a", []string{"a1", "a2", "a3", "a4"}, 3), 3)
	require.Equal(t, []string{"abcd", "abce"}, Nearest("abcd", []string{"abce", "abcd"}, 2), "the nearest first")
	require.Empty(t, Nearest("abcd", []string{"abcd"}, 0))
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "a", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ab", "ba", 2},
		{strings.Repeat("a", 1000), strings.Repeat("a", 64) + "b", 0},
	} {
		require.Equal(t, c.want, distance(c.a, c.b), "%.10q %.10q", c.a, c.b)
		require.Equal(t, c.want, distance(c.b, c.a), "%.10q %.10q", c.b, c.a)
	}
}
