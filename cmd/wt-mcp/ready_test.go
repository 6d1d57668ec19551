//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newIncluding is a repository with n ignored files of 4 KB that a new worktree gets.
func newIncluding(t *testing.T, n int) *scratch {
	t.Helper()
	s := newScratch(t)
	s.write(".gitignore", "node_modules/\n")
	s.write(".worktreeinclude", "node_modules/\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "include")
	content := string(make([]byte, 4096))
	for i := range n {
		s.write(fmt.Sprintf("node_modules/package-%d/%d.js", i/20, i), content)
	}
	return s
}

// awaitCopy waits until the copying has begun.
func (s *scratch) awaitCopy(lane string) {
	s.t.Helper()
	begun := func() bool {
		_, err := os.Stat(s.path(".worktrees", lane, "node_modules"))
		return err == nil
	}
	require.Eventually(s.t, begun, patience, time.Millisecond)
}

func (s *scratch) requireIncluded(lane string, n int) {
	s.t.Helper()
	files, err := filepath.Glob(s.path(".worktrees", lane, "node_modules/package-*/*.js"))
	require.NoError(s.t, err)
	require.Equal(s.t, n, len(files), "files of %s", lane)
	for _, name := range files {
		info, err := os.Stat(name)
		require.NoError(s.t, err)
		require.EqualValues(s.t, 4096, info.Size(), name)
		require.EqualValues(s.t, 0o644, info.Mode().Perm()|0o044, name)
	}
}

// A server that dies amid the copying: the worktree is on the board with all its
// files, or there is nothing of it.
func TestKilledCopyIsFinishedOrUndone(t *testing.T) {
	t.Parallel()
	const n = 3000
	s := newIncluding(t, n)
	finished := 0
	for i := range 6 {
		p, lane := s.dial(false), fmt.Sprintf("lane-%d", i)
		_, _, err := p.beginCall("worktree_create", fmt.Sprintf(`{"name":%q}`, lane))
		require.NoError(t, err)
		s.awaitCopy(lane)
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		p.die()

		next := s.dial(false)
		if s.createOrFind(next, lane) {
			finished++
		}
		made := s.must(next, "worktree_events", fmt.Sprintf(`{"worktree":%q,"event":"worktree.create.after","limit":1}`, lane))["events"].([]any)
		require.Len(t, made, 1)
		included := made[0].(map[string]any)["detail"].(map[string]any)["included"].(map[string]any)
		require.Empty(t, included["errors"], "%v", included)
		s.requireIncluded(lane, n)
		require.NoError(t, next.close())
	}
	require.NotZero(t, finished)
	require.Empty(t, s.git("status", "--porcelain"))
}

func TestCancelledCopyLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newIncluding(t, 6000)
	p := s.dial(false)
	id, _, err := p.beginCall("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	s.awaitCopy("lane")
	require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id}))
	require.Eventually(t, func() bool {
		list := s.must(p, "worktree_events", `{"event":"worktree.create.","limit":1}`)["events"].([]any)
		return list[0].(map[string]any)["event"] == "worktree.create.failed"
	}, patience, 20*time.Millisecond)
	s.requireNothingOf("lane")
	p.mu.Lock()
	delete(p.waiting, string(id))
	p.mu.Unlock()
	require.NoError(t, p.close())
}

// The set-up goes on when its call is cancelled and when its server is gone.
func TestSetupOutlivesItsCall(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	base := filepath.Dir(s.dir)
	s.write(".wt-mcp.toml", fmt.Sprintf("[worktree]\nsetup = [\"touch %[1]s/began\", \"while ! test -e %[1]s/may-go; do sleep 0.02; done\", \"touch done\"]\n", base))
	s.wtmcp("trust")
	p := s.dial(false)
	id, _, err := p.beginCall("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	s.await("../began")
	require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id}))
	require.Equal(t, "active", s.must(p, "worktree_list", `{}`)["worktrees"].([]any)[0].(map[string]any)["status"])
	p.mu.Lock()
	delete(p.waiting, string(id))
	p.mu.Unlock()
	require.NoError(t, p.close())
	s.write("../may-go", "")
	s.await(".worktrees/lane/done")
}

// What a background run changed outside is told once it is over, whoever is there
// to tell it.
func TestChangesOfABackgroundRunAreTold(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	run := s.must(p, "worktree_run", `{"name":"lane","command":"while ! test -e go; do sleep 0.02; done; echo x > ../../escaped","background":true}`)
	require.NoError(t, p.close())
	s.write(".worktrees/lane/go", "")
	s.await("escaped")

	next := s.dial(false)
	get := fmt.Sprintf(`{"run_id":%q,"wait_seconds":20}`, run["run_id"])
	require.Eventually(t, func() bool { return s.must(next, "run_output", get)["status"] == "exited" }, patience, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		list := s.must(next, "worktree_events", `{"event":"worktree.run.finished","limit":1}`)["events"].([]any)
		return len(list) == 1 && fmt.Sprint(list[0].(map[string]any)["detail"].(map[string]any)["main_checkout_changes"]) == "[escaped]"
	}, patience, 20*time.Millisecond)
	out := s.must(next, "run_output", get)
	require.Equal(t, []any{"escaped"}, out["main_checkout_changes"])
	require.Equal(t, []any{"escaped"}, s.must(next, "run_stop", fmt.Sprintf(`{"run_id":%q}`, run["run_id"]))["main_checkout_changes"])
	require.NoError(t, next.close())
}

// A main checkout that takes git too long is not waited for, and the answer says so.
func TestSlowMainCheckoutIsSaidNotToBeLookedAt(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".gitattributes", "*.slow filter=slow\n")
	s.write("a.slow", "content\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "slow")
	s.git("config", "--global", "filter.slow.clean", "sleep 60; cat")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	out := s.lane(p, "echo CONTENT > ../../a.slow", "")
	require.NotContains(t, out, "main_checkout_changes")
	require.Contains(t, fmt.Sprint(out["notes"]), "was not looked at")
	out = s.lane(p, "echo CONTENT > ../../a.slow", "")
	require.Contains(t, fmt.Sprint(out["notes"]), "was not looked at", "nor is it tried again at once")
	require.Equal(t, "exited", out["status"])
	require.NoError(t, p.close())
}
