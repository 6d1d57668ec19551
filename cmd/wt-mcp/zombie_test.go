package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// busyBoard lets another server write to the board until the test ends.
func (s *scratch) busyBoard(task int) {
	p := s.dial(false)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = p.call("task_update", fmt.Sprintf(`{"task_id":%d,"description":"%d"}`, task, i))
			}
		}
	}()
	s.t.Cleanup(func() { close(stop); <-stopped })
}

// Once its lease is over a holder changes nothing any more, and is told so, however
// busy the board is: also where the connection vouches for it.
func TestLostClaimIsToldOnABusyBoard(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "default,files")
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "task_create", `{"subject":"noise"}`)
	s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	s.must(p, "task_update", `{"task_id":1,"status":"pending"}`)
	for range 3 {
		s.busyBoard(2)
	}
	for i := range 30 {
		s.must(p, "task_claim", `{"task_id":1,"lease_seconds":0.1}`)
		time.Sleep(105 * time.Millisecond)
		tool, args := "file_write", `{"worktree":"lane","path":"zombie","content":"x"}`
		if i%3 == 0 {
			tool, args = "worktree_run", `{"name":"lane","command":"touch zombie"}`
		}
		code, text := s.refused(p, tool, args)
		require.Equal(t, "claim_lost", code, text)
	}
	require.NoFileExists(t, s.path(".worktrees/lane/zombie"))
}

// A command that waited for its turn does not begin once its claim is lost.
func TestQueuedRunOfALostClaimDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p, other := s.dial(false), s.dial(false)
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	s.must(p, "worktree_create", `{"name":"full"}`)
	s.must(p, "task_update", `{"task_id":1,"status":"pending"}`)
	for range 16 {
		s.must(p, "worktree_run", `{"name":"full","wait_seconds":0,"command":"while ! test -e ../may-end; do sleep 0.05; done"}`)
	}
	claim := s.must(p, "task_claim", `{"task_id":1,"lease_seconds":2}`)["claim"]
	_, answer, err := p.beginCall("worktree_run", fmt.Sprintf(`{"name":"lane","claim":%q,"command":"touch zombie"}`, claim))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		r, err := other.call("task_claim", `{"task_id":1,"owner":"bob"}`)
		require.NoError(t, err)
		return !r.IsError
	}, patience, 50*time.Millisecond)
	s.write(".worktrees/may-end", "")
	r, err := p.callResult("worktree_run", "", answer)
	require.NoError(t, err)
	require.True(t, r.IsError, r.text())
	require.Contains(t, r.text(), "claim_lost")
	require.Contains(t, r.text(), "bob holds the task now")
	require.NoFileExists(t, s.path(".worktrees/lane/zombie"))
}

// While a worktree is taken away no task is bound to it, and it is not kept.
func TestNothingIsBoundToAWorktreeThatGoes(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	base := s.path("..")
	s.write(".gitattributes", "*.slow filter=slow\n")
	s.write("a.slow", "content\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "slow")
	s.git("config", "--global", "filter.slow.clean", "if test -e '"+base+"/armed'; then touch '"+base+"/looking'; while test -d '"+base+"' && ! test -e '"+base+"/may-look'; do sleep 0.02; done; fi; cat")
	p, other := s.dial(false), s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(other, "task_create", `{"subject":"one"}`)
	claim := s.must(other, "task_claim", `{"task_id":1}`)["claim"]
	s.write("../armed", "")
	t.Cleanup(func() { s.write("../may-look", "") })
	s.write(".worktrees/lane/a.slow", "CONTENT\n") // of the same size: git has to look into it
	_, answer, err := p.beginCall("worktree_remove", `{"name":"lane","force":true,"complete_task":true}`)
	require.NoError(t, err)
	s.await("../looking")
	for tool, args := range map[string]string{
		"task_bind_worktree": fmt.Sprintf(`{"task_id":1,"worktree":"lane","claim":%q}`, claim),
		"worktree_keep":      `{"name":"lane"}`,
	} {
		code, text := s.refused(other, tool, args)
		require.Equal(t, "busy", code, text)
	}
	s.write("../may-look", "")
	r, err := p.callResult("worktree_remove", "", answer)
	require.NoError(t, err)
	require.False(t, r.IsError, r.text())
	task := s.must(other, "task_get", `{"task_id":1}`)
	require.Equal(t, "in_progress", task["status"])
	require.Empty(t, task["worktree"])
}

// A creation that died with its server keeps its task from nobody: another server
// that runs already finds it when there is nothing else to do, or its lease is over.
func TestDeadCreationGivesItsTaskBack(t *testing.T) {
	const bob = `{"owner":"bob"}`
	for name, ann := range map[string]string{"pending": "", "claimed": `{"task_id":1,"lease_seconds":0.5,"owner":"ann"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSlowScratch(t)
			p, other := s.dial(false), s.dial(false)
			s.must(other, "task_create", `{"subject":"one"}`)
			claim := ""
			if ann != "" {
				claim = fmt.Sprintf(`,"claim":%q`, s.must(p, "task_claim", ann)["claim"])
			}
			_, _, err := p.beginCall("worktree_create", `{"name":"lane","task_id":1`+claim+`}`)
			require.NoError(t, err)
			s.await("../checkout-began")
			p.die()
			code, text := s.refused(other, "task_claim", bob)
			require.Equal(t, "not_found", code, text)
			s.write("../checkout-may-go", "")
			require.Eventually(t, func() bool {
				r, err := other.call("task_claim", bob)
				require.NoError(t, err)
				return !r.IsError || ann == "" && s.must(other, "task_get", `{"task_id":1}`)["status"] == "in_progress" // as its creator left it
			}, patience, 50*time.Millisecond)
			require.Contains(t, s.must(other, "worktree_list", `{}`)["worktrees"].([]any)[0].(map[string]any)["name"], "lane")
			require.NoError(t, other.close())
		})
	}
}

// What no lease keeps is not kept by recovery either: the holder's lease goes on
// from where it was.
func TestRecoveryRenewsNoLease(t *testing.T) {
	t.Parallel()
	s := newSlowScratch(t)
	p, other := s.dial(false), s.dial(false)
	s.must(other, "task_create", `{"subject":"one"}`)
	claimed := s.must(p, "task_claim", `{"task_id":1,"lease_seconds":600,"owner":"ann"}`)
	_, _, err := p.beginCall("worktree_create", `{"name":"lane","task_id":1}`)
	require.NoError(t, err)
	s.await("../checkout-began")
	p.die()
	s.write("../checkout-may-go", "")
	require.True(t, s.createOrFind(other, "lane"))
	var claims struct {
		Live []struct {
			ExpiresAt float64 `json:"expires_at"`
		} `json:"live"`
	}
	data, err := os.ReadFile(s.path(".git/wt-mcp/claims.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &claims))
	require.Len(t, claims.Live, 1)
	require.InDelta(t, claimed["lease_expires_at"], claims.Live[0].ExpiresAt, 0.001, "answers have milliseconds")
}

// refused is a call that fails; it returns its code and its text.
func (s *scratch) refused(p *peer, tool, args string) (code, text string) {
	s.t.Helper()
	r, err := p.call(tool, args)
	require.NoError(s.t, err)
	require.True(s.t, r.IsError, "%s %.200s: %s", tool, args, r.text())
	e, err := r.failure()
	require.NoError(s.t, err)
	return e.Code, r.text()
}

// createOrFind makes a worktree, and reports whether it is there already. Recovery
// that takes long makes it busy for a while.
func (s *scratch) createOrFind(p *peer, name string) (found bool) {
	s.t.Helper()
	for {
		r, err := p.call("worktree_create", fmt.Sprintf(`{"name":%q}`, name))
		require.NoError(s.t, err)
		if !r.IsError {
			return false
		}
		e, err := r.failure()
		require.NoError(s.t, err)
		if e.Code != "busy" {
			require.Equal(s.t, "already_exists", e.Code, r.text())
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
}
