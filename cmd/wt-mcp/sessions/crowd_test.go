package sessions_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// lane is the work on one task, from its claim to its landing.
func lane() []step {
	return []step{
		{"task_claim", `{"worktree":"auto"}`},
		{"worktree_run", `{"name":"LANE","command":"echo x > LANE.txt","claim":"CLAIM"}`},
		{"worktree_merge", `{"name":"LANE","message":"Work on LANE","complete_task":true,"remove":true,"claim":"CLAIM"}`},
	}
}

// Agents of four makers at once on one board take no task twice, and all that they did
// is on main.
//
// Invariant 6. Invariant 13.
func TestFourAtOnce(t *testing.T) {
	t.Parallel()
	repo := newRepo(t)
	var seats []*seat
	for _, c := range clients() {
		c.entry(t)
		seats = append(seats, c.sit(t, repo, map[string][]step{"lanes": append(lane(), lane()...)}))
	}
	tasks := 2 * len(seats)
	for i := range tasks {
		wt(t, repo, "call", "task_create", fmt.Sprintf(`{"subject":"Task %d"}`, i+1))
	}
	var all sync.WaitGroup
	for _, s := range seats {
		all.Go(func() { s.play("play:lanes") })
	}
	all.Wait()

	claimed := map[string]string{}
	for _, s := range seats {
		said, _ := s.model.played("lanes")
		require.Len(t, said.shown, 2*len(lane()), s.client.name)
		for _, claim := range claims(said) {
			task, _, _ := strings.Cut(claim, "-")
			require.Empty(t, claimed[task], "task %s of %s was another's as well", task, s.client.name)
			claimed[task] = s.client.name
		}
	}
	require.Len(t, claimed, tasks)
	landed(t, repo, tasks)
}

// delegation is how the model of a client has a sub-agent play child, and waits for it.
func delegation() map[string][]step {
	return map[string][]step{
		"claude-code": {{"Agent", `{"description":"second lane","prompt":"play:child","subagent_type":"general-purpose","run_in_background":false}`}},
		"codex":       {{"spawn_agent", `{"message":"play:child"}`}, {"wait_agent", `{"targets":["AGENT"],"timeout_ms":60000}`}},
		"opencode":    {{"task", `{"description":"second lane","prompt":"play:child","subagent_type":"general"}`}},
		"gemini":      {{"invoke_agent", `{"agent_name":"generalist","prompt":"play:child"}`}},
	}
}

// A sub-agent has a claim of its own, also where it shares its parent's connection.
func TestSubagent(t *testing.T) {
	t.Parallel()
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.entry(t)
			repo := newRepo(t)
			wt(t, repo, "call", "task_create", `{"subject":"Task 1"}`)
			wt(t, repo, "call", "task_create", `{"subject":"Task 2"}`)
			parent := slices.Concat(lane()[:1], delegation()[c.name], lane()[1:])
			s := c.sit(t, repo, map[string][]step{"parent": parent, "child": lane()})
			s.play("play:parent")
			one, _ := s.model.played("parent")
			other, _ := s.model.played("child")
			require.Len(t, one.shown, len(parent))
			require.Len(t, other.shown, len(lane()))
			require.True(t, strings.HasPrefix(claims(one)[0], "1-"), one.shown)
			require.True(t, strings.HasPrefix(claims(other)[0], "2-"), other.shown)
			landed(t, repo, 2)
		})
	}
}

// With the configuration that we hand out Claude Code hides tools until its model
// searches for them; not those of the loop, which are there from its first step on.
func TestDeferredTools(t *testing.T) {
	t.Parallel()
	c := clients()[0]
	c.command = stockClaudeCode
	c.entry(t)
	repo := newRepo(t)
	script := append([]step{{"task_create", `{"subject":"Task 1"}`}, {"task_list", `{}`}}, lane()...)
	script = append(script, step{"ToolSearch", `{"query":"select:mcp__wt__task_get"}`}, step{"task_get", `{"task_id":1}`})
	s := c.sit(t, repo, map[string][]step{"stock": script})
	s.play("play:stock")
	said, _ := s.model.played("stock")
	require.Len(t, said.shown, len(script))
	require.Contains(t, said.shown[len(script)-1], `"status":"completed"`)
	landed(t, repo, 1)
}

// claims are those that a model was given, in order.
func claims(c conversation) []string {
	var all []string
	for _, shown := range c.shown {
		if found := remembered()["CLAIM"].FindString(shown); found != "" {
			all = append(all, found)
		}
	}
	return all
}

// landed checks that the first n tasks are completed, each landed once, that nothing is
// left over and that the board is sound.
func landed(t *testing.T, repo string, n int) {
	t.Helper()
	for i := range n {
		var task struct {
			Status   string
			Attempts []struct{ Outcome string }
		}
		require.NoError(t, json.Unmarshal([]byte(wt(t, repo, "call", "--json", "task_get", fmt.Sprintf(`{"task_id":%d}`, i+1))), &task))
		require.Equal(t, "completed", task.Status, "task %d", i+1)
		require.Len(t, task.Attempts, 1)
		name := fmt.Sprintf("task-%d", i+1)
		require.FileExists(t, filepath.Join(repo, name+".txt"))
		require.Equal(t, "1", strings.TrimSpace(git(t, repo, "rev-list", "--count", "--no-merges", "main", "--", name+".txt")))
	}
	require.Equal(t, 1, strings.Count(git(t, repo, "worktree", "list"), "\n"))
	require.Empty(t, git(t, repo, "status", "--porcelain", "--untracked-files=no"))
	wt(t, repo, "doctor")
}
