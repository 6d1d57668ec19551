package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// landingHeld is a repository in which the landing of lane stands still while the files of
// the main checkout move, with moving there, until the file may-go is: a filter that the
// user approved writes the lane's file.
func landingHeld(t *testing.T) (gated, *peer) {
	t.Helper()
	g := newGated(t, "true")
	require.NoError(t, os.RemoveAll(g.beside("home/config/wt-mcp")))
	hold := "if test -e '" + g.beside("armed") + "'; then touch '" + g.beside("moving") + "'; while ! test -e '" + g.beside("may-go") + "'; do sleep 0.02; done; fi; cat"
	g.git("config", "--global", "filter.slow.smudge", hold)
	g.git("config", "--global", "filter.slow.clean", "cat")
	g.write(".gitattributes", "slow filter=slow\n")
	g.git("add", "-A")
	g.git("commit", "-q", "-m", "attributes")
	p := g.dial(false)
	g.must(p, "task_create", `{"subject":"one"}`)
	g.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	g.change("lane", "slow", "content")
	g.write("../armed", "")
	return g, p
}

// finish begins the one call to finish and waits until the files of the target move.
func (g gated) finish(p *peer, more string) <-chan message {
	g.t.Helper()
	_, answer, err := p.beginCall("worktree_merge", `{"name":"lane","complete_task":true,"remove":true`+more+`}`)
	require.NoError(g.t, err)
	g.await("../moving")
	return answer
}

// What somebody writes in a lane, or commits there, while it lands is not removed with it:
// the landing is there, the task is done, the lane stays, and the answer says why.
func TestLaneThatGoesOnStays(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(gated){
		"a file":   func(g gated) { g.write(".worktrees/lane/late", "late\n") },
		"a commit": func(g gated) { g.change("lane", "late", "late\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, p := landingHeld(t)
			answer := g.finish(p, "")
			write(g)
			g.write("../may-go", "")
			r := g.end(p, answer)
			require.Equal(t, "landed", field(t, r, "status"))
			require.NotEmpty(t, field(t, r, "why_kept"), r.text())
			require.Contains(t, r.text(), "[x] #1: one")
			require.FileExists(t, g.path(".worktrees/lane/late"))
			require.FileExists(t, g.path("slow"))
			require.Equal(t, "active", g.entry(p, "lane"))
		})
	}
}

// entry is the status of a worktree on the board.
func (g gated) entry(p *peer, name string) string {
	g.t.Helper()
	var list struct {
		Worktrees []struct{ Name, Status string }
	}
	r, err := p.call("worktree_list", `{}`)
	require.NoError(g.t, err)
	require.NoError(g.t, json.Unmarshal(r.Structured, &list))
	for _, w := range list.Worktrees {
		if w.Name == name {
			return w.Status
		}
	}
	return "absent"
}

// A lane in which a command runs is not landed by the call that would remove it, and is by
// one that would not.
func TestLaneWithARunIsNotRemoved(t *testing.T) {
	t.Parallel()
	g := gated{newScratch(t)}
	p := g.dial(false)
	g.lane(p, "lane", "file", "x")
	before := g.git("rev-parse", "main")
	g.must(p, "worktree_run", `{"name":"lane","command":"sleep 60","background":true}`)
	r := g.merge(p, `{"name":"lane","remove":true}`)
	require.Contains(t, r.text(), "error[in_use]: run ")
	require.Contains(t, r.text(), "run_stop")
	require.Equal(t, before, g.git("rev-parse", "main"))
	require.Equal(t, "landed", field(t, g.merge(p, `{"name":"lane"}`), "status"))
}

// A claim that ends between the check of a landing and its move ends the landing: the
// queue holds it, a person gives the task to somebody else, and nothing lands.
func TestClaimLostWhileTheLandingWaits(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	a, b := g.dial(false), g.dial(false)
	g.must(a, "task_create", `{"subject":"one"}`)
	g.must(a, "worktree_create", `{"name":"lane","task_id":1}`)
	g.change("lane", "file", "x")
	claim := g.must(a, "task_claim", `{"task_id":1,"owner":"ann"}`)["claim"].(string)
	before := g.git("rev-parse", "main")
	_, answer, err := a.beginCall("worktree_merge", `{"name":"lane","complete_task":true,"claim":"`+claim+`"}`)
	require.NoError(t, err)
	g.begun()
	said, err := g.command("task", "release", "1", "--force").CombinedOutput()
	require.NoError(t, err, "%s", said)
	g.must(b, "task_claim", `{"task_id":1,"owner":"ben"}`)
	g.release()
	r := g.end(a, answer)
	require.Contains(t, r.text(), "error[claim_lost]")
	require.Contains(t, r.text(), "ben holds the task now")
	require.Equal(t, before, g.git("rev-parse", "main"))
	log := string(must(os.ReadFile(g.path(".worktrees/events.jsonl"))))
	require.NotContains(t, log, "worktree.merge.before", "it was never announced")
	require.Equal(t, 0, strings.Count(log, "task.completed"))
}
