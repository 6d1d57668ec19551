package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// codexThread is the _meta of a call as Codex sends it.
func codexThread(id string) map[string]any {
	return map[string]any{"threadId": id, "sessionId": "session-1",
		"x-codex-turn-metadata": map[string]any{"session_id": "session-1", "thread_id": id, "turn_id": "7", "thread_source": "subagent"}}
}

// callBy is a call of one thread of a connection.
func (s *scratch) callBy(p *peer, meta map[string]any, tool, args string) (r result) {
	raw, err := p.request("tools/call", map[string]any{"name": tool, "arguments": json.RawMessage(args), "_meta": meta})
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		s.t.Errorf("%s %s: %v", tool, args, err)
	}
	return r
}

// Invariant 6: threads of one connection that race for tasks get each its own, and none
// has the use of what another holds unless it passes the claim.
func TestThreadsHoldTheirOwn(t *testing.T) {
	t.Parallel()
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p, err := dial(peerOptions{dir: s.dir, env: s.env, client: "codex-mcp-client", modern: modern})
		require.NoError(t, err)
		t.Cleanup(p.kill)
		const tasks = 8
		for i := range tasks {
			s.must(p, "task_create", fmt.Sprintf(`{"subject":"task %d"}`, i))
		}
		one, two := "0199a213-81c0-7800-8aa1-bbab2a035a53", "0199a213-81c0-7800-8aa1-000000000002"
		claims := s.race(p, tasks/2, one, two)
		require.Len(t, claims, tasks, "no task is claimed twice")
		list := s.must(p, "task_list", `{"owner":"codex-mcp-client"}`)
		require.Len(t, list["tasks"], tasks)
		for task, c := range claims {
			args := fmt.Sprintf(`{"task_id":%d,"note":"done"}`, task)
			mine, other := codexThread(c.by), codexThread(one)
			if c.by == one {
				other = codexThread(two)
			}
			require.Equal(t, "codex-mcp-client/"+c.by[len(c.by)-8:], c.owner)
			require.False(t, s.callBy(p, mine, "task_update", args).IsError, "it holds it")
			for _, stranger := range []map[string]any{other, {}, codexThread("a b"), {"threadId": []int{1}}} {
				refused := s.callBy(p, stranger, "task_update", args)
				require.True(t, refused.IsError, "%v", stranger)
				require.Contains(t, refused.text(), "error[claim_held]")
				require.Contains(t, refused.text(), c.owner)
			}
			passed := fmt.Sprintf(`{"task_id":%d,"note":"done","claim":%q}`, task, c.claim)
			require.False(t, s.callBy(p, other, "task_update", passed).IsError, "it was handed the claim")
		}
		require.NoError(t, p.close())
	})
}

type threadClaim struct{ by, owner, claim string }

// race lets the threads claim whatever is best, all at once.
func (s *scratch) race(p *peer, each int, threads ...string) map[int]threadClaim {
	var mu sync.Mutex
	var all sync.WaitGroup
	claims := map[int]threadClaim{}
	for _, thread := range threads {
		for range each {
			all.Go(func() {
				r := s.callBy(p, codexThread(thread), "task_claim", `{}`)
				var got struct {
					Claim string
					Task  struct {
						ID    int
						Owner string
					}
				}
				if err := json.Unmarshal(r.Structured, &got); err != nil {
					s.t.Errorf("%v: %s", err, shown(r))
				}
				mu.Lock()
				defer mu.Unlock()
				claims[got.Task.ID] = threadClaim{thread, got.Task.Owner, got.Claim}
			})
		}
	}
	all.Wait()
	return claims
}

// Who called is told where there are several sessions of a client: in both forms of an
// answer, with the owner's name if it has another.
func TestSessionsAreTold(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	session := func(client, form, id string) *peer {
		p, err := dial(peerOptions{dir: s.dir, env: append(s.env, "CLAUDE_CODE_SESSION_ID="+id), client: client, flags: []string{"--answers", form}, silent: true})
		require.NoError(t, err)
		t.Cleanup(p.kill)
		require.NoError(t, p.shakeHands())
		return p
	}
	one := session("claude-code", "structured", "3f4f3a52-9d7c-4a3e-8c11-0123456789ab")
	two := session("claude-code", "text", "5e5e3a52-9d7c-4a3e-8c11-ba9876543210")
	nested := session("opencode", "text", "3f4f3a52-9d7c-4a3e-8c11-0123456789ab")
	s.callBy(one, nil, "task_create", `{"subject":"one"}`)
	s.callBy(two, nil, "task_create", `{"subject":"two"}`)
	s.callBy(nested, nil, "task_create", `{"subject":"three"}`)
	require.Contains(t, string(s.callBy(one, nil, "task_claim", `{"task_id":1}`).Structured), `"owner":"claude-code/456789ab"`)
	require.Contains(t, s.callBy(two, nil, "task_claim", `{"task_id":2,"owner":"alice"}`).text(), "owner=alice")

	for form, shown := range map[string]func(tool, args string) string{
		"structured": func(tool, args string) string { return string(s.callBy(one, nil, tool, args).Structured) },
		"text":       func(tool, args string) string { return s.callBy(two, nil, tool, args).text() },
	} {
		events := shown("worktree_events", `{}`)
		for _, fact := range []string{"claude-code/456789ab", "claude-code/76543210", "opencode",
			"3f4f3a52-9d7c-4a3e-8c11-0123456789ab", "5e5e3a52-9d7c-4a3e-8c11-ba9876543210"} {
			require.Contains(t, events, fact, form)
		}
		require.NotContains(t, events, "opencode/", "it has inherited the session of another client")
		require.Contains(t, shown("task_list", `{"owner":"claude-code"}`), "claude-code/456789ab", form)
		require.Contains(t, shown("task_get", `{"task_id":2}`), "claude-code/76543210", form)
	}
	s.callBy(two, nil, "task_claim", `{"task_id":2,"release":true}`)
	require.Contains(t, s.callBy(two, nil, "task_get", `{"task_id":2}`).text(), "tried by alice (claude-code/76543210) from")
	for _, p := range []*peer{one, two, nested} {
		require.NoError(t, p.close())
	}
}
