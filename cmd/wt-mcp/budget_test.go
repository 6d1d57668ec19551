package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// However much there is, one result fits its budget: peer.call holds every
// answer to it, errors included.
func TestResultsFitTheirBudget(t *testing.T) {
	for name, test := range crowdedTasks() {
		t.Run(name, func(t *testing.T) { t.Parallel(); crowded(t, test) })
	}
	for name, test := range crowdedWorktrees() {
		t.Run(name, func(t *testing.T) { t.Parallel(); crowded(t, test) })
	}
}

func crowded(t *testing.T, test func(*scratch, *peer)) {
	t.Helper()
	s := newScratch(t)
	p := s.dial(false)
	test(s, p)
	require.NoError(t, p.close())
}

// longText is 60 KB, within the limits on input.
func longText() string { return strings.Repeat("text ", 12_000) }

func crowdedTasks() map[string]func(*scratch, *peer) {
	text := longText()
	return map[string]func(*scratch, *peer){
		"tasks": func(s *scratch, p *peer) {
			for i := range 60 {
				s.must(p, "task_create", fmt.Sprintf(`{"subject":"%d %s","description":"d","labels":["%s"]}`, i, strings.Repeat("s", 400), strings.Repeat("l", 50)))
			}
			s.must(p, "task_list", `{}`)
			s.must(p, "task_list", `{"limit":500}`)
			s.must(p, "worktree_events", `{}`)
			s.must(p, "worktree_events", `{"limit":200}`)
		},
		"description": func(s *scratch, p *peer) {
			s.must(p, "task_create", fmt.Sprintf(`{"subject":"s","description":%q}`, text))
			s.must(p, "task_get", `{"task_id":1}`)
			s.must(p, "task_list", `{}`)
		},
		"changed description": func(s *scratch, p *peer) {
			s.must(p, "task_create", fmt.Sprintf(`{"subject":"s","description":%q}`, text))
			s.must(p, "task_update", fmt.Sprintf(`{"task_id":1,"description":%q}`, text+"."))
			s.must(p, "worktree_events", `{}`)
		},
		"notes": func(s *scratch, p *peer) {
			s.must(p, "task_create", `{"subject":"s"}`)
			for range 3 {
				s.must(p, "task_update", fmt.Sprintf(`{"task_id":1,"note":%q}`, text))
			}
			s.must(p, "task_get", `{"task_id":1}`)
			s.must(p, "worktree_events", `{}`)
			s.must(p, "worktree_events", `{"after_seq":0}`)
		},
		"version conflict": func(s *scratch, p *peer) {
			s.must(p, "task_create", fmt.Sprintf(`{"subject":"s","description":%q}`, text))
			r, err := p.call("task_update", `{"task_id":1,"owner":"x","if_version":9}`)
			require.NoError(s.t, err)
			require.Less(s.t, len(r.Meta["wt-mcp/error"]), longBudget, "the details of an error")
		},
	}
}

func crowdedWorktrees() map[string]func(*scratch, *peer) {
	text := longText()
	return map[string]func(*scratch, *peer){
		"removal with a long task": func(s *scratch, p *peer) {
			s.must(p, "task_create", fmt.Sprintf(`{"subject":"s","description":%q}`, text))
			s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
			s.must(p, "worktree_remove", `{"name":"lane","complete_task":true}`)
		},
		"reasons": func(s *scratch, p *peer) {
			s.must(p, "worktree_create", `{"name":"lane"}`)
			s.must(p, "worktree_keep", fmt.Sprintf(`{"name":"lane","reason":%q}`, text))
			s.must(p, "worktree_list", `{}`)
			s.must(p, "worktree_remove", fmt.Sprintf(`{"name":"lane","reason":%q}`, text))
			s.must(p, "worktree_list", `{}`)
		},
		"output": func(s *scratch, p *peer) {
			s.must(p, "worktree_create", `{"name":"lane"}`)
			out := s.must(p, "worktree_run", `{"name":"lane","command":"seq 200000"}`)
			require.Equal(s.t, true, out["truncated"])
			require.Equal(s.t, 1288895.0, out["output_bytes"])
			require.True(s.t, strings.HasPrefix(out["output"].(string), "1\n2\n3\n"), "the head stays")
			require.True(s.t, strings.HasSuffix(out["output"].(string), "\n199999\n200000\n"), "the tail stays")
			s.must(p, "worktree_run", `{"name":"lane","command":"head -c 3000000 /dev/zero | tr '\\0' '\\1'"}`)
			s.must(p, "worktree_run", `{"name":"lane","command":"head -c 300000 /dev/urandom"}`)
			s.must(p, "worktree_run", `{"name":"lane","command":"yes 語 | head -n 20000"}`)
			s.must(p, "worktree_run", `{"name":"lane","command":"yes '\\\"<&>' | head -n 20000"}`)
		},
		"changes": func(s *scratch, p *peer) {
			s.must(p, "worktree_create", `{"name":"lane"}`)
			s.must(p, "worktree_run", `{"name":"lane","command":"for i in $(seq 3000); do : >a-file-with-a-long-name-number-$i; done"}`)
			status := s.must(p, "worktree_status", `{"name":"lane"}`)
			require.Contains(s.t, status["reasons"].([]any)[0].(map[string]any)["detail"], "3000 uncommitted or untracked")
			r, err := p.call("worktree_remove", `{"name":"lane"}`)
			require.NoError(s.t, err)
			require.Less(s.t, len(r.Meta["wt-mcp/error"]), longBudget, "the details of an error")
			s.must(p, "worktree_events", `{}`)
		},
		"worktrees of others": func(s *scratch, p *peer) {
			for i := range 25 {
				s.git("worktree", "add", "-q", "--detach", "--no-checkout", fmt.Sprintf("../%s-%d", strings.Repeat("w", 150), i))
			}
			s.must(p, "worktree_list", `{}`)
		},
	}
}

// A message over the limit is answered under its id, and the server lives on.
func TestMessageOverTheLimit(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	answer := p.expect(`"big"`)
	require.NoError(t, p.write([]byte(`{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"task_create","arguments":{"subject":"`+
		strings.Repeat("x", 17<<20)+`"}}}`)))
	m, err := p.await(answer)
	require.NoError(t, err)
	require.NotNil(t, m.Error)
	require.Contains(t, m.Error.Message, "16 MB")
	s.must(p, "task_list", `{}`)
	require.NoError(t, p.close())
	require.NoDirExists(t, s.path(".tasks"))
}

// The name that a client gives itself is text of a stranger like any other: it
// is put on every event and note, so it must be short and harmless.
func TestClientNameIsBounded(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p, err := dial(peerOptions{dir: s.dir, env: s.env, modern: modern, client: "eve\n[x] #9: forged\x1b[2K" + strings.Repeat("e", 100_000)})
		require.NoError(t, err)
		s.must(p, "task_create", `{"subject":"one"}`)
		s.must(p, "task_update", `{"task_id":1,"note":"n"}`)
		for _, line := range strings.Split(s.text(p, "task_get", `{"task_id":1}`), "\n")[1:] {
			require.True(t, strings.HasPrefix(line, "  note ") || line == "  ready", "%q is no line of its own", line)
		}
		s.must(p, "worktree_events", `{}`)
		require.NoError(t, p.close())
		require.Less(t, len(s.read(".worktrees/events.jsonl")), 10_000)
	})
}

func (s *scratch) text(p *peer, tool, args string) string {
	s.t.Helper()
	r, err := p.call(tool, args)
	require.NoError(s.t, err)
	return r.text()
}

func (s *scratch) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	require.NoError(s.t, err)
	return string(data)
}
