//go:build linux

package torture_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server, or it and all that it started, is killed at any instant of a commit, with a
// slow hook: the next call finds the commit made, as a whole and with its event, or not
// made and all that was open still there. No lock is left, and the index is git's own.
// Invariant 7.
func TestKilledCommits(t *testing.T) {
	rounds := 12
	if *long {
		rounds = 200
	}
	r := newRepo(t)
	r.git("config", "user.name", "Somebody")
	r.git("config", "user.email", "somebody@example.com")
	require.NoError(t, os.MkdirAll(r.path(".git", "hooks"), 0o755))
	require.NoError(t, os.WriteFile(r.path(".git", "hooks", "pre-commit"), []byte("#!/bin/sh\nsleep 0.05\n"), 0o755))
	s := r.open()
	s.must(t, "worktree_create", args{"name": "lane"})
	rng := rand.New(rand.NewPCG(*seed, 1))
	made := 0
	for i := range rounds {
		name := fmt.Sprintf("round-%d", i)
		require.NoError(t, os.WriteFile(r.path(".worktrees", "lane", name), []byte(name), 0o644))
		go s.call("worktree_commit", args{"name": "lane", "message": name})
		time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
		if i%2 == 0 {
			s.kill()
		} else {
			s.killAll()
		}
		s = r.open()
		var last reply
		require.Eventually(t, func() bool {
			out, err := s.call("worktree_commit", args{"name": "lane", "message": "after " + name})
			last = out
			return err == nil && out.Code == ""
		}, patience, 20*time.Millisecond, "%s %v", name, &last)
		require.NoFileExists(t, r.path(".git", "worktrees", "lane", "index.lock"))
		require.Empty(t, r.glob(".git", "worktrees", "lane", "wt-mcp-*"))
		require.Empty(t, r.git("-C", r.path(".worktrees", "lane"), "status", "--porcelain"), name)
		require.Equal(t, name, r.git("show", "wt/lane:"+name))
		if strings.Contains(r.git("log", "-1", "--format=%s", "wt/lane"), "after") {
			made++
		}
	}
	log := strings.Fields(r.git("log", "--reverse", "--format=%H", "main..wt/lane"))
	require.Len(t, log, rounds, "each change is committed once")
	r.close(s)
	var told []string
	for line := range strings.Lines(r.read(".worktrees", "events.jsonl")) {
		if strings.Contains(line, `"worktree.commit"`) {
			_, id, _ := strings.Cut(line, `"commit":"`)
			told = append(told, id[:40])
		}
	}
	require.Equal(t, log, told, "each commit is told once, in its order")
	t.Logf("%d of %d commits were made before the kill", rounds-made, rounds)
	r.requireSound("lane")
}

// killAll ends the server and all its descendants, whatever their environment is.
func (s *server) killAll() {
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	for _, pid := range descendants(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.kill()
}

func descendants(pid int) (all []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, word := range strings.Fields(string(text)) {
		var child int
		if _, err := fmt.Sscan(word, &child); err == nil {
			all = append(append(all, child), descendants(child)...)
		}
	}
	return all
}
