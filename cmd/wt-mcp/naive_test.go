package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// naive is a call that a model makes without having read the schema, and what of the
// answer leads on from it.
type naive struct{ tool, args, says string }

// What means one thing only is done.
func TestNaiveCallsThatAreTaken(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"worktree":"login","task_id":"#1"}`)
	for _, c := range []naive{
		{"task_get", `{"task_id":"#1"}`, "#1: one"},
		{"task_create", `{"subject":"two","blocked_by":["#1"]}`, "blocked_by=#1"},
		{"worktree_run", `{"worktree":"login","command":"pwd"}`, "/.worktrees/login"},
		{"worktree_status", `{"worktree":"login"}`, "wt/login"},
		{"file_read", `{"name":"login","path":"README.md"}`, "readme"},
		{"file_read", `{"worktree":"login","path":"` + s.path(".worktrees/login/README.md") + `"}`, "readme"},
		{"file_read", `{"worktree":"login","path":".worktrees/login/README.md"}`, "readme"},
		{"worktree_events", `{"name":"login","event":"worktree.create.after"}`, "worktree.create.after"},
		{"worktree_events", `{"worktree":".worktrees/login","event":"worktree.create.after"}`, "worktree.create.after"},
		{"worktree_events", `{"worktree":"wt/login","event":"worktree.create.after"}`, "worktree.create.after"},
		{"worktree_create", `{"name":"wt/other"}`, "(wt/other)"},
		{"task_create", `{"subject":"three"}`, "#3"},
		{"task_bind_worktree", `{"task_id":3,"name":"other"}`, "wt=other"},
		{"worktree_remove", `{"worktree":"login"}`, "login"},
	} {
		r, err := p.call(c.tool, c.args)
		require.NoError(t, err)
		require.False(t, r.IsError, "%s %s: %s", c.tool, c.args, r.text())
		require.Contains(t, r.text(), c.says, "%s %s", c.tool, c.args)
	}
	require.NoError(t, p.close())
}

// What does not is answered with the call to make.
func TestNaiveCallsLeadOn(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	for range 3 {
		s.must(p, "task_create", `{"subject":"one"}`)
	}
	s.must(p, "worktree_create", `{"name":"login","task_id":1}`)
	for _, c := range []naive{
		{"task_create", `{"title":"x"}`, "did you mean subject?"},
		{"task_create", `{"task":{"subject":"x"}}`, `pass what is in task as the arguments themselves: {"subject":"x"}`},
		{"task_create", `{"subject":"x","labels":"bug"}`, `write labels as ["bug"]`},
		{"task_create", `{"subject":"x","blocked_by":"#1"}`, `write blocked_by as [1]`},
		{"task_list", `{"status":"all"}`, "leave status out"},
		{"task_list", `{"status":"open"}`, "leave status out"},
		{"task_list", `{"status":"done"}`, `did you mean status "completed"?`},
		{"task_claim", `{"label":"zz"}`, `none of the 2 pending has it`},
		{"worktree_run", `{"command":"ls"}`, "pass name, one of login; worktree_list"},
		{"worktree_run", `{"task_id":1,"command":"ls"}`, `pass name: "login"`},
		{"worktree_run", `{"name":"login","cmd":"ls"}`, "did you mean command?"},
		{"worktree_run", `{"name":"login","command":"ls","cwd":"my src"}`, `{"command":"cd 'my src' && ls"}`},
		{"worktree_status", `{"path":"` + s.path(".worktrees/login/sub") + `"}`, `pass name: "login"`},
		{"worktree_status", `{"branch":"wt/login"}`, `pass name: "login"`},
		{"worktree_status", `{"name":"wt/login"}`, `repeat the call with "login"`},
		{"file_read", `{"path":"` + s.path(".worktrees/login/README.md") + `"}`, `pass worktree: "login"`},
		{"file_write", `{"worktree":"login","path":"f","text":"x"}`, "did you mean content?"},
		{"file_edit", `{"worktree":"login","path":"f","old_string":"a","new_string":"b"}`, "did you mean new_text? did you mean old_text?"},
		{"worktree_create", `{"base_branch":"main"}`, "did you mean base_ref?"},
		{"worktree_create", `{"task_id":2}`, `pass a new name, such as "task-2"`},
	} {
		code, text := s.refused(p, c.tool, c.args)
		require.Contains(t, []string{"invalid_argument", "not_found"}, code)
		require.Contains(t, text, c.says, "%s %s", c.tool, c.args)
	}
	for _, c := range []naive{
		{"task_delete", `{"id":2}`, `call task_update {"status":"deleted","task_id":2}`},
		{"task_complete", `{"task_id":2}`, `call task_update {"status":"completed","task_id":2}`},
		{"create_task", `{"title":"x"}`, `call task_create {"subject":"x"}`},
		{"mcp__wt__TaskList", `{}`, `call task_list {}`},
		{"worktree_delete", `{"worktree":"login"}`, `call worktree_remove {"name":"login"}`},
		{"run_command", `{"worktree":"login","cmd":"ls"}`, `call worktree_run {"command":"ls","name":"login"}`},
		{"next_task", `{}`, `call task_claim {}`},
		{"bash", `{"command":"ls"}`, `call worktree_run {"command":"ls","name":"NAME"}`},
		{"frobnicate", `null`, "there are file_edit, file_read"},
	} {
		code, text := s.refused(p, c.tool, c.args)
		require.Equal(t, "not_found", code)
		require.Contains(t, text, c.says, "%s %s", c.tool, c.args)
	}
	require.Len(t, s.tasks(), 3, "none of this did anything")
	require.NoError(t, p.close())
	only := s.dial(false, "--toolsets", "default")
	_, text := s.refused(only, "worktree_diff", `{"name":"login"}`)
	require.Contains(t, text, `call worktree_run {"command":"git diff","name":"login"}; or start the server with --toolsets default,integrate`)
	require.NoError(t, only.close())
}
