package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newHeldScratch is a repository in whose worktree lane a forced removal stands
// still at its last look, with removal-began there, until the file removal-may-go
// is: git status asks a filter there, for a file whose time says that it may have
// been written since.
func newHeldScratch(t *testing.T) (*scratch, *peer) {
	t.Helper()
	s := newScratch(t)
	s.write(".gitattributes", "*.slow filter=slow\n")
	s.write(".gitignore", "/cache\n")
	s.write("a.slow", "content\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "slow")
	base := filepath.Dir(s.dir)
	s.git("config", "--global", "filter.slow.clean", "if ! test -d '"+s.path(".worktrees/lane")+"'; then touch '"+base+"/removal-began'; while ! test -e '"+base+"/removal-may-go'; do sleep 0.02; done; fi; cat")
	t.Cleanup(func() { s.write("../removal-may-go", "") })
	p := s.dial(false)
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	s.write(".worktrees/lane/cache/ignored", "ignored\n")
	s.write(".worktrees/lane/work", "work\n")
	s.write(".worktrees/lane/a.slow", "changed\n")
	soon := time.Now().Add(time.Hour)
	require.NoError(s.t, os.Chtimes(s.path(".worktrees/lane/a.slow"), soon, soon))
	return s, p
}

// Anybody may prune while the directory is away.
func TestPruneDuringRemoval(t *testing.T) {
	t.Parallel()
	s, p := newHeldScratch(t)
	_, answer, err := p.beginCall("worktree_remove", `{"name":"lane","force":true}`)
	require.NoError(t, err)
	s.await("../removal-began")
	s.git("worktree", "prune", "--expire=now")
	s.write("../removal-may-go", "")
	r, err := p.callResult("worktree_remove", "", answer)
	require.NoError(t, err)
	require.False(t, r.IsError, r.text())
	var out struct{ Snapshot string }
	require.NoError(t, json.Unmarshal(r.Structured, &out))
	back := s.must(p, "worktree_restore", `{"snapshot":"`+out.Snapshot+`"}`)
	require.Equal(t, "trash", back["from"])
	require.FileExists(t, s.path(".worktrees/lane/cache/ignored"))
	require.NotContains(t, s.git("worktree", "list", "--porcelain"), "locked")
	require.NoError(t, p.close())
}

// A removal that can neither go on nor be taken back says where everything is.
func TestStrandedRemovalIsTold(t *testing.T) {
	t.Parallel()
	s, p := newHeldScratch(t)
	_, answer, err := p.beginCall("worktree_remove", `{"name":"lane","force":true,"complete_task":true}`)
	require.NoError(t, err)
	s.await("../removal-began")
	require.NoError(t, os.RemoveAll(s.path(".git/worktrees/lane")))
	s.write("../removal-may-go", "")
	r, err := p.callResult("worktree_remove", "", answer)
	require.NoError(t, err)
	require.True(t, r.IsError, r.text())
	require.NotContains(t, r.text(), "nothing was changed")
	e, err := r.failure()
	require.NoError(t, err)
	require.Equal(t, "git", e.Code)
	var facts struct{ Trash, Snapshot string }
	require.NoError(t, json.Unmarshal(mustJSON(e.Details), &facts))
	require.FileExists(t, filepath.Join(facts.Trash, "cache", "ignored"))
	require.Equal(t, "in_progress", s.must(p, "task_get", `{"task_id":1}`)["status"])
	s.must(p, "worktree_restore", `{"snapshot":"`+facts.Snapshot+`"}`)
	require.FileExists(t, s.path(".worktrees/lane/work"))
	require.Equal(t, "lane", s.must(p, "task_get", `{"task_id":1}`)["worktree"])
	require.NoError(t, p.close())
}

// A server dies when the directory has been moved, and somebody makes one of that
// name: the removal is finished all the same.
func TestKilledRemovalBesideAStrayDirectory(t *testing.T) {
	t.Parallel()
	s, p := newHeldScratch(t)
	_, _, err := p.beginCall("worktree_remove", `{"name":"lane","force":true}`)
	require.NoError(t, err)
	s.await("../removal-began")
	p.die()
	s.write("../removal-may-go", "")
	s.write(".worktrees/lane/out/x", "stray\n")

	next := s.dial(true)
	var snapshot string
	named := regexp.MustCompile(`worktree_restore \{"snapshot":"([^"]+)"\} brings it back`)
	require.Eventually(t, func() bool { // the next one to look at it finishes it
		for _, e := range s.must(next, "worktree_events", `{"limit":50}`)["events"].([]any) {
			require.NotEqual(t, "worktree.remove.failed", e.(map[string]any)["event"])
		}
		_, text := s.refused(next, "worktree_keep", `{"name":"lane"}`)
		if m := named.FindStringSubmatch(text); m != nil {
			snapshot = m[1]
		}
		return snapshot != ""
	}, patience, 50*time.Millisecond)
	require.FileExists(t, s.path(".worktrees/lane/out/x"))
	require.NoError(t, os.RemoveAll(s.path(".worktrees/lane")))
	require.Eventually(t, func() bool {
		r, err := next.call("worktree_restore", `{"snapshot":"`+snapshot+`"}`)
		require.NoError(t, err)
		return !r.IsError
	}, patience, 50*time.Millisecond)
	require.FileExists(t, s.path(".worktrees/lane/cache/ignored"))
	require.FileExists(t, s.path(".worktrees/lane/work"))
	require.NoError(t, next.close())
}

// A process that is in a worktree when it goes, and ends in that moment, loses
// neither its file nor its commit.
func TestRemovalWaitsForTheWorkOfPassersBy(t *testing.T) {
	for name, args := range map[string]string{"plain": "", "force": `,"force":true`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			var written []string
			for i := range 16 {
				name := fmt.Sprintf("lane-%d", i)
				s.must(p, "worktree_create", `{"name":"`+name+`"}`)
				lane := s.path(".worktrees", name)
				s.git("-C", lane, "checkout", "-q", "--detach")
				_, answer, err := p.beginCall("worktree_remove", `{"name":"`+name+`"`+args+`}`)
				require.NoError(t, err)
				time.Sleep(time.Duration(i) * 5 * time.Millisecond)
				late := exec.Command("sh", "-c", "sleep 0.05; echo X >"+name+" && echo written; git commit -q --allow-empty -m "+name+" && git rev-parse HEAD")
				late.Dir = lane
				out, _ := late.Output() // it may have come too late
				r, err := p.callResult("worktree_remove", "", answer)
				require.NoError(t, err)
				said := strings.Fields(string(out))
				if len(said) > 0 {
					written = append(written, name)
				}
				if len(said) > 1 {
					s.requireReachable(said[1])
				}
				if r.IsError {
					s.must(p, "worktree_remove", `{"name":"`+name+`","force":true}`)
				}
			}
			require.NoError(t, p.close())
			require.NotEmpty(t, written)
			for _, name := range written {
				kept, err := filepath.Glob(s.path(".git/wt-mcp/trash/*/files", name))
				require.NoError(t, err)
				require.Len(t, kept, 1, name)
			}
		})
	}
}

// A branch of the board's name that the worktree had left is the user's by now.
func TestRemovalKeepsABranchThatTheWorktreeHadLeft(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.git("-C", ".worktrees/lane", "checkout", "-q", "-b", "mine")
	s.git("branch", "-q", "-D", "wt/lane")
	s.git("branch", "wt/lane", "HEAD")
	out := s.must(p, "worktree_remove", `{"name":"lane"}`)
	require.Equal(t, "kept", out["branch_outcome"])
	require.Contains(t, out["branch_reason"], "not on it")
	require.Contains(t, s.git("branch", "--list"), "wt/lane")
	require.NoError(t, p.close())
}
