package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariant 5: a claim with its worktree that dies at any moment leaves a task, a claim
// and a worktree that the next call makes whole.
func TestClaimWithWorktreeDiesAnywhere(t *testing.T) {
	const deaths = 6
	t.Parallel()
	s := newScratch(t)
	first := s.dial(false)
	for i := range deaths {
		s.must(first, "task_create", fmt.Sprintf(`{"subject":"work %d"}`, i))
	}
	for id := 1; id <= deaths; id++ {
		p := s.dial(id%2 == 0)
		_, _, err := p.beginCall("task_claim", fmt.Sprintf(`{"task_id":%d,"worktree":"auto"}`, id))
		require.NoError(t, err)
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
		p.die()
		next := s.dial(false)
		r, err := next.call("task_claim", fmt.Sprintf(`{"task_id":%d,"worktree":"auto"}`, id))
		require.NoError(t, err)
		if r.IsError { // the dead one had the claim by then
			require.Contains(t, r.text(), "error[claim_held]")
			said, err := s.command("task", "release", fmt.Sprint(id), "--force").CombinedOutput()
			require.NoError(t, err, "%s", said)
			r, err = next.call("task_claim", fmt.Sprintf(`{"task_id":%d,"worktree":"auto"}`, id))
			require.NoError(t, err)
		}
		var out struct {
			Claim    string
			Task     struct{ Worktree string }
			Worktree struct{ Name, Path, Status string }
		}
		require.NoError(t, json.Unmarshal(r.Structured, &out), r.text())
		require.NotEmpty(t, out.Claim)
		require.Equal(t, out.Task.Worktree, out.Worktree.Name, r.text())
		require.DirExists(t, out.Worktree.Path)
		require.NoError(t, next.close())
	}
	said, err := s.command("doctor").CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Len(t, s.must(first, "worktree_list", `{"status":"active"}`)["worktrees"], deaths, "one for each task")
}

// What who takes a task is told first fits in a kilobyte, whichever form the model sees,
// with the task, its claim, its worktree and what those before had to say.
func TestOneCallToStartIsShort(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"claude-code", "opencode"} {
		v := newViewer(t, client, false)
		v.call("task_create", fmt.Sprintf(`{"subject":"Log in with a token","description":%q,"priority":0,"labels":["bug"]}`, strings.Repeat("words ", 100)))
		for i := range 4 {
			v.call("task_claim", fmt.Sprintf(`{"task_id":1,"owner":"agent-%d"}`, i))
			v.call("task_update", fmt.Sprintf(`{"task_id":1,"note":"attempt %d: %s"}`, i, strings.Repeat("it fails ", 40)))
			v.call("task_claim", `{"claim":"CLAIM","release":true}`)
		}
		r := v.call("task_claim", `{"worktree":"auto","owner":"alice"}`)
		told := strings.ReplaceAll(shown(r)+string(r.Structured), v.s.dir, "/home/somebody/src/repository")
		require.LessOrEqual(t, len(told), 1<<10, told)
		for _, fact := range []string{"attempt 3", "agent-3", "log-in-with-a-token", v.claim, "task_get"} {
			require.Contains(t, told, fact)
		}
	}
}
