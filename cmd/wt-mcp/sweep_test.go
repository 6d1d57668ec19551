package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Servers that keep no trash sweep all the time: no removal and no restore of
// another fails for that, and what a snapshot holds comes back.
func TestSweepsLeaveWhatOthersAreAt(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("../home/config/wt-mcp/config.toml", "[trash]\nkeep_days = 0\nkeep_mb = 1\n")
	for i := range 60 {
		s.write(fmt.Sprintf("dir%d/file", i), "x\n")
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "files")
	var group sync.WaitGroup
	faults := make(chan string, 1000)
	for i := range 5 {
		p := s.dial(false)
		group.Go(func() {
			lane := fmt.Sprintf("lane%d", i)
			call := func(tool, args string) (out struct{ Snapshot string }) {
				if r, err := p.call(tool, args); err != nil || r.IsError {
					faults <- fmt.Sprint(tool, args, err, r.text())
				} else if err := json.Unmarshal(r.Structured, &out); err != nil {
					faults <- err.Error()
				}
				return out
			}
			call("worktree_create", `{"name":"`+lane+`"}`)
			for n := range 8 {
				s.write(fmt.Sprintf(".worktrees/%s/work%d", lane, n), "work\n")
				gone := call("worktree_remove", `{"name":"`+lane+`","force":true}`)
				call("worktree_restore", `{"snapshot":"`+gone.Snapshot+`"}`)
			}
			if err := p.close(); err != nil {
				faults <- err.Error()
			}
		})
	}
	group.Wait()
	close(faults)
	for fault := range faults {
		t.Error(fault)
	}
	for i := range 5 {
		for n := range 8 {
			require.FileExists(t, s.path(fmt.Sprintf(".worktrees/lane%d/work%d", i, n)))
		}
	}
}
