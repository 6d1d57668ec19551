package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newSlowScratch is a repository whose checkouts stand still, with
// checkout-began there, until the file checkout-may-go is.
func newSlowScratch(t *testing.T) *scratch {
	t.Helper()
	s := newScratch(t)
	s.write(".gitattributes", "*.slow filter=slow\n")
	s.write("a.slow", "content\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "slow")
	base := filepath.Dir(s.dir)
	s.git("config", "--global", "filter.slow.smudge", "touch '"+base+"/checkout-began'; while test -d '"+base+"' && ! test -e '"+base+"/checkout-may-go'; do sleep 0.02; done; cat")
	t.Cleanup(func() { s.write("../checkout-may-go", "") })
	return s
}

// requireNothingOf holds a creation that came to nothing to leaving nothing.
func (s *scratch) requireNothingOf(name string) {
	s.t.Helper()
	require.NoDirExists(s.t, s.path(".worktrees", name))
	require.NotContains(s.t, s.git("worktree", "list"), name)
	require.Empty(s.t, s.git("branch", "--list", "wt/"+name))
	require.NoFileExists(s.t, s.path(".git/worktrees", name, "locked"))
	require.Empty(s.t, s.git("status", "--porcelain"))
}

func TestCancelledCreationLeavesNothing(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newSlowScratch(t)
		p := s.dial(modern)
		s.must(p, "task_create", `{"subject":"one"}`)
		id, answer, err := p.beginCall("worktree_create", `{"name":"lane","task_id":1}`)
		require.NoError(t, err)
		s.await("../checkout-began")
		require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id}))
		s.must(p, "task_list", `{}`) // it has read that by now
		// the name is taken until all of it is gone, then it is free
		require.NoError(t, os.WriteFile(s.path("../checkout-may-go"), nil, 0o644))
		require.Eventually(t, func() bool {
			r, err := p.call("worktree_create", `{"name":"lane","task_id":1}`)
			require.NoError(t, err)
			if !r.IsError {
				return true
			}
			e, err := r.failure()
			require.NoError(t, err)
			require.Equal(t, "busy", e.Code, r.text())
			return false
		}, patience, 50*time.Millisecond)
		require.Empty(t, answer, "a cancelled call was answered")
		s.must(p, "worktree_remove", `{"name":"lane"}`)
		s.requireNothingOf("lane")
		events := s.must(p, "worktree_events", `{"event":"worktree.create","limit":10}`)["events"].([]any)
		require.Len(t, events, 4)
		failed := events[1].(map[string]any)
		require.Equal(t, "worktree.create.failed", failed["event"])
		require.NotEmpty(t, failed["error"])
		p.mu.Lock()
		delete(p.waiting, string(id))
		p.mu.Unlock()
		require.NoError(t, p.close())
	})
}

// A server that dies amid a creation: while its git lives on, the name is busy;
// afterwards the creation is either finished or undone.
func TestKilledCreationIsFinishedOrUndone(t *testing.T) {
	t.Parallel()
	s := newSlowScratch(t)
	p := s.dial(false)
	s.must(p, "task_create", `{"subject":"one"}`)
	_, _, err := p.beginCall("worktree_create", `{"name":"lane","task_id":1}`)
	require.NoError(t, err)
	s.await("../checkout-began")
	p.die()

	next := s.dial(true)
	r, err := next.call("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	require.True(t, r.IsError, "git is still at it: %s", r.text())
	e, err := r.failure()
	require.NoError(t, err)
	require.Equal(t, "busy", e.Code, r.text())
	r, err = next.call("task_bind_worktree", `{"task_id":1,"worktree":"lane"}`)
	require.NoError(t, err)
	require.True(t, r.IsError, r.text())
	s.must(next, "task_list", `{}`)

	s.write("../checkout-may-go", "")
	require.Eventually(t, func() bool {
		r, err = next.call("worktree_create", `{"name":"lane"}`)
		require.NoError(t, err)
		if r.IsError {
			e, err = r.failure()
			require.NoError(t, err)
		}
		return !r.IsError || e.Code != "busy"
	}, patience, 50*time.Millisecond)
	if r.IsError { // finished on behalf of the dead: bound to its task
		require.Equal(t, "already_exists", e.Code, r.text())
		require.Equal(t, "lane", s.must(next, "task_get", `{"task_id":1}`)["worktree"])
	} else {
		require.Empty(t, s.must(next, "task_get", `{"task_id":1}`)["worktree"])
	}
	require.Equal(t, true, s.must(next, "worktree_status", `{"name":"lane"}`)["clean"])
	require.FileExists(t, s.path(".worktrees/lane/a.slow"))
	require.NotContains(t, s.git("worktree", "list", "--porcelain"), "locked")
	require.NoError(t, next.close())
}

// Nothing started by a run outlives it (invariant 9).
func TestRunTakesItsChildrenAlong(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		for name, command := range map[string]string{
			"left in the background": `sleep 60 >/dev/null 2>&1 & echo $!`,
			"holds the output open":  `sleep 60 & echo $!`,
			"deaf to TERM":           `(trap '' TERM; sleep 60; :) & echo $!`,
		} {
			out := s.must(p, "worktree_run", `{"name":"lane","timeout_seconds":1,"command":`+string(mustJSON(command))+`}`)
			pid := strings.TrimSpace(out["output"].(string))
			require.Eventually(t, func() bool { return !alive(pid) }, patience, 20*time.Millisecond, "%s: process %s lives on", name, pid)
		}
		require.NoError(t, p.close())
	})
}

// The end of input ends what would run on for ever, after a short grace.
func TestEndOfInputEndsLongRuns(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	_, answer, err := p.beginCall("worktree_run", `{"name":"lane","command":"echo $$ >pid.tmp; mv pid.tmp pid; sleep 60"}`)
	require.NoError(t, err)
	pid := s.await(".worktrees/lane/pid")
	require.NoError(t, p.hangUp())
	r, err := p.callResult("worktree_run", "", answer)
	require.NoError(t, err)
	if r.IsError {
		e, err := r.failure()
		require.NoError(t, err)
		require.Equal(t, "cancelled", e.Code)
	} else {
		require.Contains(t, string(r.Structured), `"cancelled"`)
	}
	require.NoError(t, p.wait())
	require.False(t, alive(pid), "the command lives on")
}

// A worktree in which a command of ours runs is not taken away under it.
func TestRemovalUnderARunningCommand(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	args := `{"name":"lane","command":"root=$(cd ../.. && pwd); touch $root/began; while ! test -e $root/go; do sleep 0.02; done; echo work >result && cat result"}`
	_, answer, err := p.beginCall("worktree_run", args)
	require.NoError(t, err)
	s.await("began")
	r, err := p.call("worktree_remove", `{"name":"lane"}`)
	require.NoError(t, err)
	s.write("go", "")
	_, err = p.callResult("worktree_run", args, answer)
	require.NoError(t, err)
	require.True(t, r.IsError, "removed under a running command: %s", r.text())
	e, err := r.failure()
	require.NoError(t, err)
	require.Equal(t, "in_use", e.Code, r.text())
	require.FileExists(t, s.path(".worktrees/lane/result"))
	require.NoError(t, p.close())
}

// A worktree that its user moved: it is followed or left alone, and either way
// what is in it and its branch are not lost.
func TestRemovalOfAMovedWorktree(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.git("worktree", "move", ".worktrees/lane", "../moved")
	s.write("../moved/work", "work\n")
	r, err := p.call("worktree_remove", `{"name":"lane"}`)
	require.NoError(t, err)
	require.FileExists(t, s.path("../moved/work"), r.text())
	s.git("rev-parse", "--verify", "-q", "refs/heads/wt/lane")

	r, err = p.call("worktree_remove", `{"name":"lane","force":true}`)
	require.NoError(t, err)
	if _, err := os.Stat(s.path("../moved/work")); err == nil {
		require.Contains(t, s.git("worktree", "list"), "moved", r.text())
		s.git("rev-parse", "--verify", "-q", "refs/heads/wt/lane")
	} else {
		var out struct{ Trash string }
		require.NoError(t, json.Unmarshal(r.Structured, &out), r.text())
		require.FileExists(t, filepath.Join(out.Trash, "work"))
	}
	require.NoError(t, p.close())
}

// Little of an environment, and no git: said, not crashed.
func TestPoorEnvironment(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	bin, err := exec.LookPath("wt-mcp")
	require.NoError(t, err)
	gitBin, err := exec.LookPath("git")
	require.NoError(t, err)
	p, err := dial(peerOptions{dir: s.dir, command: bin, env: []string{"PATH=" + filepath.Dir(gitBin)}})
	require.NoError(t, err)
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	s.must(p, "worktree_run", `{"name":"lane","command":"git status"}`)
	require.NoError(t, p.close())

	for _, env := range [][]string{{"PATH=/nowhere"}, {"A=B"}} {
		p, err := dial(peerOptions{dir: s.dir, command: bin, env: env})
		require.NoError(t, err)
		r, err := p.call("task_list", `{}`)
		require.NoError(t, err)
		if r.IsError {
			require.Contains(t, r.text(), "git program was not found on PATH")
		}
		require.NoError(t, p.close())
	}
}

// What a person may leave of the board's files is read.
func TestSparseFiles(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"empty registry":     {".worktrees/index.json": `{}`},
		"registry of null":   {".worktrees/index.json": `{"worktrees":null}`},
		"empty events":       {".worktrees/events.jsonl": ""},
		"blank lines":        {".worktrees/events.jsonl": "\n\n"},
		"empty tasks folder": {".tasks/.keep": ""},
		"a task of few keys": {".tasks/task_3.json": `{"id":3,"subject":"few","status":"pending"}`},
		"one line, no break": {".tasks/task_3.json": `{"id":3,"subject":"few","status":"pending","blockedBy":null,"owner":null,"description":null}`},
		"other files":        {".tasks/task_03.json": "{}", ".tasks/task_x.json": "x", ".tasks/task_4.json.bak": "x", ".tasks/sub/task_9.json": "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			for file, content := range files {
				s.write(file, content)
			}
			p := s.dial(false)
			for _, tool := range []string{"task_list", "worktree_list", "worktree_events"} {
				s.must(p, tool, `{}`)
			}
			s.must(p, "task_create", `{"subject":"next"}`)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			var list struct{ Tasks []struct{ ID int } }
			r, err := p.call("task_list", `{}`)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(r.Structured, &list))
			require.NotEmpty(t, list.Tasks)
			require.NoError(t, p.close())
		})
	}
}
