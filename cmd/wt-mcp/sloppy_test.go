package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What models send that means one thing only is taken, in both eras.
func TestSloppyArgumentsAreTaken(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern, "--toolsets", "all")
		s.must(p, "task_create", `{"subject":"one","description":null,"priority":"1","labels":"[\"a\",\"b\"]","blocked_by":null}`)
		two := s.must(p, "task_create", `{"subject":"two","priority":1.0,"blocked_by":["1"]}`)
		require.Equal(t, []any{1.0}, two["blockedBy"])
		one := s.must(p, "task_get", `{"task_id":"1"}`)
		require.Equal(t, []any{"a", "b"}, one["labels"])
		require.Equal(t, 1.0, one["priority"])
		s.must(p, "task_list", `{"ready":"true","limit":"3.0","cursor":null,"status":null}`)
		s.must(p, "worktree_create", `{"name":"lane","task_id":"1","base_ref":null}`)
		s.must(p, "worktree_run", `{"name":"lane","command":"true","timeout_seconds":"30","background":"false","env":"{\"A\":\"1\"}"}`)
		s.must(p, "task_list", `null`)
		s.must(p, "task_list", `"{\"limit\":1}"`)
		require.NoError(t, p.close())
	})
}

// What is wrong is said in the tool's own words, all of it at once, with the name
// that was meant; nothing of it is a protocol error.
func TestSloppyArgumentsAreNamed(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern, "--toolsets", "all")
		s.must(p, "task_create", `{"subject":"one"}`)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		long := strings.Repeat("9", 5000)
		for _, c := range []struct {
			tool, args string
			says       []string
		}{
			{"task_create", `{"title":"x","priority":9,"labels":"a","blocked_by":[0,"x"]}`, []string{`no argument "title"`, "did you mean subject?", "priority: got 9", "labels: got a string", "blocked_by[1]:", "subject: is required"}},
			{"task_update", `{"id":1,"status":"done"}`, []string{"did you mean task_id?", `status: got "done", takes one of pending, in_progress, completed`}},
			{"worktree_run", `{"worktree":"lane","cmd":"ls","cwd":"src"}`, []string{"did you mean name?", "did you mean command?", "cd DIR &&"}},
			{"task_get", `{"task_id":1e400}`, []string{"task_id: got 1e400, takes a whole number"}},
			{"task_get", `{"task_id":1e30}`, []string{"task_id: got 1e30, takes a whole number"}},
			{"task_get", `{"task_id":9223372036854775808}`, []string{"task_id: got 9223372036854775808"}},
			{"task_get", `{"task_id":-1}`, []string{"task_id: got -1"}},
			{"task_get", `{"task_id":` + long + `}`, []string{"task_id: got 999", "…"}},
			{"run_output", `{"run_id":"x","offset":-9223372036854775809}`, []string{"offset: got -9223372036854775809"}},
			{"worktree_run", `{"name":"lane","command":"true","timeout_seconds":1e400}`, []string{"timeout_seconds: got 1e400, takes a number"}},
			{"task_list", `[]`, []string{"task_list takes a JSON object, got an array"}},
			{"task_list", `"x"`, []string{"task_list takes a JSON object, got a string"}},
			{"task_list", `7`, []string{"task_list takes a JSON object, got a number"}},
			{"worktree_status", `{"name":".worktrees/lane"}`, []string{`repeat the call with "lane"`}},
			{"worktree_status", `{"name":"` + s.path(".worktrees", "lane") + `"}`, []string{`repeat the call with "lane"`}},
			{"worktree_status", `{"name":"` + s.path(".worktrees", "lane", "src") + `/"}`, []string{`repeat the call with "lane"`}},
			{"worktree_remove", `{"name":"wt/lane"}`, []string{`repeat the call with "lane"`}},
			{"file_read", `{"worktree":"./.worktrees/lane","path":"README.md"}`, []string{`repeat the call with "lane"`}},
			{"worktree_run", `{"name":"lane","command":"true","env":{"BIG":"` + strings.Repeat("x", 200_000) + `"}}`, []string{"env", "BIG"}},
		} {
			code, text := s.refused(p, c.tool, c.args)
			require.Equal(t, "invalid_argument", code, "%s %.200s: %s", c.tool, c.args, text)
			for _, says := range c.says {
				require.Contains(t, text, says, "%s %.200s", c.tool, c.args)
			}
			require.Less(t, len(text), 2500)
			require.NotContains(t, text, "Go ")
		}
		require.NoError(t, p.close())
	})
}

func TestCallWithoutATool(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		for _, params := range []map[string]any{{}, {"name": 7}, {"name": nil, "arguments": 7}} {
			answer, err := p.request("tools/call", params)
			require.NoError(t, err)
			require.Contains(t, string(answer), "error[invalid_argument]: name: a call names its tool")
		}
		require.NoError(t, p.close())
	})
}

// The board is that of where the client works now; what it did where it was before
// goes on.
func TestServerFollowsItsClient(t *testing.T) {
	a, b := newScratch(t), newScratch(t)
	outside := t.TempDir()
	p, err := dial(peerOptions{dir: outside, env: a.env, roots: []string{a.dir}})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	a.must(p, "task_create", `{"subject":"of a"}`)
	a.must(p, "worktree_create", `{"name":"lane"}`)
	_, run, err := p.beginCall("worktree_run", `{"name":"lane","command":"touch begun; while ! test -e go; do sleep 0.05; done; echo went","timeout_seconds":20}`)
	require.NoError(t, err)
	a.await(".worktrees/lane/begun")
	for range 3 {
		require.NoError(t, p.move(b.dir))
		require.Empty(t, a.must(p, "task_list", `{}`)["tasks"], "b has no task yet")
		require.NoError(t, p.move(filepath.Join(a.dir, ".worktrees", "lane")))
		require.Len(t, a.must(p, "task_list", `{}`)["tasks"], 1)
	}
	require.NoError(t, p.move(b.dir))
	b.must(p, "task_create", `{"subject":"of b"}`)
	require.Len(t, a.tasks(), 1)
	require.Len(t, b.tasks(), 1)
	require.NoError(t, p.move(outside))
	code, text := a.refused(p, "task_list", `{}`)
	require.Equal(t, "not_a_repository", code, text)
	require.NoError(t, p.move(a.dir))
	require.Len(t, a.must(p, "task_list", `{}`)["tasks"], 1)
	a.write(".worktrees/lane/go", "")
	r, err := p.callResult("worktree_run", `{}`, run)
	require.NoError(t, err)
	require.Contains(t, r.text(), "went")
	require.NoError(t, p.close())
}

// --repo is what the user said, wherever the client goes.
func TestServerStaysWhereItWasTold(t *testing.T) {
	a, b := newScratch(t), newScratch(t)
	p, err := dial(peerOptions{dir: b.dir, env: a.env, roots: []string{b.dir}, flags: []string{"--repo", a.dir}})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	a.must(p, "task_create", `{"subject":"of a"}`)
	require.NoError(t, p.move(b.dir))
	require.Len(t, a.must(p, "task_list", `{}`)["tasks"], 1)
	require.NoError(t, p.close())
}
