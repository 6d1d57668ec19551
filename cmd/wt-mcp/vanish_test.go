package main

import (
	"sync"
	"sync/atomic"
	"testing"

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
