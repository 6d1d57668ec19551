package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A worktree that goes away while a call looks at it is not there, or busy: never
// a fault of git's or of ours.
func TestWorktreeThatGoesWhileItIsLookedAt(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	calls := map[string]string{
		"worktree_status": `{"name":"lane"}`, "worktree_snapshot": `{"name":"lane"}`, "worktree_list": `{}`, "worktree_prune": `{}`,
		"file_read": `{"worktree":"lane","path":"README.md"}`, "file_write": `{"worktree":"lane","path":"a/b","content":"x"}`,
		"worktree_run": `{"name":"lane","command":"true"}`, "worktree_keep": `{"name":"lane"}`,
	}
	var over atomic.Bool
	var looking sync.WaitGroup
	odd := make(chan string, 1000)
	for tool, args := range calls {
		looking.Go(func() {
			for !over.Load() {
				r, err := p.call(tool, args)
				if err != nil {
					odd <- err.Error()
					return
				}
				if e, _ := r.failure(); r.IsError && e.Code != "not_found" && e.Code != "busy" {
					odd <- tool + ": " + r.text()
				}
			}
		})
	}
	for range 3 {
		s.must(p, "worktree_create", `{"name":"lane"}`)
		for {
			r, err := p.call("worktree_remove", `{"name":"lane","force":true}`)
			require.NoError(t, err)
			if !r.IsError {
				break
			}
		}
	}
	over.Store(true)
	looking.Wait()
	close(odd)
	for text := range odd {
		t.Error(text)
	}
	require.NoError(t, p.close())
}

// The same where somebody deletes its directory while it is being removed.
func TestWorktreeThatIsDeletedWhileItIsRemoved(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	for i := range 6 {
		name := fmt.Sprintf("lane%d", i)
		s.must(p, "worktree_create", fmt.Sprintf(`{"name":%q}`, name))
		var deleting sync.WaitGroup
		deleting.Go(func() {
			time.Sleep(time.Duration(i) * 5 * time.Millisecond)
			_ = os.RemoveAll(s.path(".worktrees/" + name))
		})
		r, err := p.call("worktree_remove", fmt.Sprintf(`{"name":%q}`, name))
		require.NoError(t, err)
		deleting.Wait()
		if e, _ := r.failure(); r.IsError {
			require.NotContains(t, []string{"git", "internal"}, e.Code, r.text())
		}
	}
	require.NoError(t, p.close())
}
