package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gated is a repository whose landings have to pass a check: test.sh of the tree, which
// notes each time that it runs.
type gated struct{ *scratch }

func newGated(t *testing.T, command string) gated {
	t.Helper()
	if testing.Short() {
		t.Skip("real git and real checks")
	}
	g := gated{newScratch(t)}
	g.configure(command)
	return g
}

// beside is a file beside the repository.
func (g gated) beside(name string) string { return filepath.Join(filepath.Dir(g.dir), name) }

func (g gated) configure(command string) {
	g.t.Helper()
	dir := filepath.Join(filepath.Dir(g.dir), "home", "config", "wt-mcp")
	require.NoError(g.t, os.MkdirAll(dir, 0o755))
	config := fmt.Sprintf("[checks]\ntest = '''echo ran >> %s; %s'''\n[merge]\ncheck = ['test']\n", g.beside("ran"), command)
	require.NoError(g.t, os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o644))
}

// ran is how often the check ran.
func (g gated) ran() int {
	data, _ := os.ReadFile(g.beside("ran"))
	return strings.Count(string(data), "ran")
}

// lane makes a lane with a commit of one file.
func (g gated) lane(p *peer, name, file, content string) {
	g.t.Helper()
	g.must(p, "worktree_create", fmt.Sprintf(`{"name":%q}`, name))
	g.change(name, file, content)
}

func (g gated) change(name, file, content string) {
	g.t.Helper()
	g.write(filepath.Join(".worktrees", name, file), content)
	g.git("-C", g.path(".worktrees", name), "add", "-A")
	g.git("-C", g.path(".worktrees", name), "commit", "-q", "-m", name)
}

// land begins a landing.
func (g gated) land(p *peer, name string) <-chan message {
	g.t.Helper()
	_, answer, err := p.beginCall("worktree_merge", fmt.Sprintf(`{"name":%q}`, name))
	require.NoError(g.t, err)
	return answer
}

// end is the answer to a landing.
func (g gated) end(p *peer, answer <-chan message) result {
	g.t.Helper()
	r, err := p.callResult("worktree_merge", `{"name":"x"}`, answer)
	require.NoError(g.t, err)
	return r
}

func (g gated) merge(p *peer, args string) result {
	g.t.Helper()
	r, err := p.call("worktree_merge", args)
	require.NoError(g.t, err)
	return r
}

func field(t *testing.T, r result, name string) string {
	t.Helper()
	require.False(t, r.IsError, r.text())
	var v map[string]any
	require.NoError(t, json.Unmarshal(r.Structured, &v))
	text, _ := v[name].(string)
	return text
}

// landedOnce: each of these lanes is on main, once, and its checkout is as its tip.
func (g gated) landedOnce(names ...string) {
	g.t.Helper()
	log := g.git("log", "--format=%s", "--no-merges", "main")
	for _, name := range names {
		require.Equal(g.t, 1, strings.Count("\n"+log, "\n"+name+"\n"), "%s in\n%s", name, log)
	}
	require.Empty(g.t, g.git("status", "--porcelain"))
	require.Equal(g.t, 1, strings.Count(g.git("worktree", "list"), "[main]"))
	require.NotContains(g.t, g.git("worktree", "list"), ".check")
}

// Only what passes lands; what passed once is not checked again; and a tree cannot change
// what it is checked by.
func TestGate(t *testing.T) {
	t.Parallel()
	g := newGated(t, "sh test.sh")
	g.write("test.sh", "test ! -e broken || { echo it is broken; exit 3; }\n")
	g.git("add", "-A")
	g.git("commit", "-q", "-m", "check")
	p := g.dial(false)
	before := g.git("rev-parse", "main")

	g.lane(p, "bad", "broken", "x")
	g.change("bad", ".wt-mcp.toml", "[checks]\ntest = 'true'\n[merge]\ncheck = ['test']\n")
	r := g.merge(p, `{"name":"bad"}`)
	require.True(t, r.IsError)
	for _, part := range []string{"error[unproven]", "check test failed", "exit code 3", "it is broken", "run_output"} {
		require.Contains(t, r.text(), part)
	}
	require.Equal(t, before, g.git("rev-parse", "main"))
	require.Equal(t, 1, g.ran())

	g.git("-C", g.path(".worktrees", "bad"), "rm", "-q", "broken")
	g.git("-C", g.path(".worktrees", "bad"), "commit", "-q", "-m", "mended")
	r = g.merge(p, `{"name":"bad"}`)
	require.Equal(t, "landed", field(t, r, "status"))
	require.Contains(t, field(t, r, "check"), "passed in")
	require.Equal(t, 2, g.ran(), "the tree's own configuration has no say")

	g.lane(p, "good", "fine", "x")
	tree := g.git("-C", g.path(".worktrees", "good"), "rev-parse", "HEAD^{tree}")
	require.Equal(t, "landed", field(t, g.merge(p, `{"name":"good"}`), "status"))
	require.Equal(t, 3, g.ran())
	require.Equal(t, tree, g.git("rev-parse", "main^{tree}"))
	g.git("reset", "-q", "--hard", "HEAD^") // as if it had not landed
	g.lane(p, "again", "fine", "x")
	r = g.merge(p, `{"name":"again"}`)
	require.Equal(t, "passed before: test", field(t, r, "check"))
	require.Equal(t, 3, g.ran(), "the same tree")
	g.landedOnce("again")
}

// What the user approved last holds, whatever lands or is edited.
func TestApprovedChecksHold(t *testing.T) {
	t.Parallel()
	g := newGated(t, "true")
	require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(g.dir), "home", "config", "wt-mcp")))
	strict := "[checks]\ntest = 'test ! -e broken'\n[merge]\ncheck = ['test']\n"
	g.write(".wt-mcp.toml", strict)
	g.git("add", "-A")
	g.git("commit", "-q", "-m", "configuration")
	p := g.dial(false)
	g.lane(p, "early", "early", "x")
	r := g.merge(p, `{"name":"early"}`)
	require.Equal(t, "landed", field(t, r, "status"), "nobody approved it")
	require.Contains(t, r.text(), "wt-mcp trust")
	g.trust()
	g.lane(p, "sly", ".wt-mcp.toml", "[checks]\ntest = 'true'\n[merge]\ncheck = ['test']\n")
	r = g.merge(p, `{"name":"sly"}`)
	require.Equal(t, "landed", field(t, r, "status"))
	require.Contains(t, field(t, r, "check"), "passed in")
	g.lane(p, "bad", "broken", "x")
	r = g.merge(p, `{"name":"bad"}`)
	require.Contains(t, r.text(), "error[unproven]")
	require.Contains(t, r.text(), "test ! -e broken")
	g.trust()
	require.Equal(t, "landed", field(t, g.merge(p, `{"name":"bad"}`), "status"), "now the user wants it so")
}

func (g gated) trust() {
	g.t.Helper()
	cmd := exec.Command("wt-mcp", "trust")
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.CombinedOutput()
	require.NoError(g.t, err, "%s", out)
}

// A check that hangs runs out of time; what it started is ended.
func TestGateHangs(t *testing.T) {
	t.Parallel()
	g := newGated(t, "sleep 1000 & sleep 1000")
	path := filepath.Join(filepath.Dir(g.dir), "home", "config", "wt-mcp", "config.toml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, "check_timeout_seconds = 0.5\n"...), 0o644))
	p := g.dial(false)
	g.lane(p, "lane", "file", "x")
	before := g.git("rev-parse", "main")
	r := g.merge(p, `{"name":"lane"}`)
	require.Contains(t, r.text(), "error[unproven]")
	require.Contains(t, r.text(), "not done in 500ms")
	require.Equal(t, before, g.git("rev-parse", "main"))
}

// hold makes the check wait for the file go, which it takes away.
const hold = `touch "$BEGUN"; while ! test -e "$GO"; do sleep 0.05; done; test ! -e broken`

func newHeld(t *testing.T) gated {
	t.Helper()
	g := newGated(t, "true")
	g.configure(strings.NewReplacer("$BEGUN", g.beside("begun"), "$GO", g.beside("go")).Replace(hold))
	return g
}

// begun waits until a check runs.
func (g gated) begun() {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		return os.Remove(g.beside("begun")) == nil
	}, patience, 10*time.Millisecond, "no check began")
}

func (g gated) release() {
	g.t.Helper()
	require.NoError(g.t, os.WriteFile(g.beside("go"), nil, 0o644))
}

// Lanes that wait while one is checked are checked together, of all processes; a bad one
// among them is found by halves.
func TestLanesThatWaitAreCheckedTogether(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	peers := []*peer{g.dial(false), g.dial(false)}
	names := []string{}
	for i := range 10 {
		names = append(names, fmt.Sprintf("lane-%d", i))
		file := names[i]
		if i == 6 {
			file = "broken"
		}
		g.lane(peers[0], names[i], file, "x")
	}
	var answers []<-chan message
	for i, name := range names {
		answers = append(answers, g.land(peers[i%2], name))
		if i == 0 {
			g.begun()
		}
	}
	g.awaitWaiting(9)
	g.release()
	for i, answer := range answers {
		r := g.end(peers[i%2], answer)
		if i == 6 {
			require.Contains(t, r.text(), "error[unproven]: lane-6 did not land")
			continue
		}
		require.Equal(t, "landed", field(t, r, "status"))
	}
	g.landedOnce(append(append([]string{}, names[:6]...), names[7:]...)...)
	require.LessOrEqual(t, g.ran(), 1+1+2*4+1, "one alone, one for all, and those that find the bad one; not ten")
	require.NotContains(t, g.git("log", "--format=%s", "main"), "lane-6")
}

// awaitWaiting waits until so many lanes are in the queue: of this process they are in
// no file, so it looks for those of others and gives the rest a moment.
func (g gated) awaitWaiting(n int) {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		found, err := filepath.Glob(g.path(".git", "wt-mcp", "land", "*", "*.wait"))
		return err == nil && len(found) >= n/2
	}, patience, 10*time.Millisecond)
	time.Sleep(100 * time.Millisecond)
}

// A long check answers checking and goes on; the same call attends it.
func TestLongCheckGoesOn(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	p := g.dial(false)
	g.lane(p, "lane", "file", "x")
	r := g.merge(p, `{"name":"lane","wait_seconds":0.3}`)
	require.Equal(t, "checking", field(t, r, "status"))
	require.Equal(t, "main", field(t, r, "target"))
	require.Contains(t, r.text(), "[checking] lane has not landed yet")
	g.begun()
	require.Eventually(t, func() bool {
		return strings.Contains(g.merge(p, `{"name":"lane","wait_seconds":0}`).text(), "it goes on: check test, ")
	}, patience, 10*time.Millisecond)
	other := g.merge(p, `{"name":"lane","strategy":"squash","wait_seconds":0}`)
	require.Contains(t, other.text(), "error[busy]: another landing of lane goes on")
	require.Equal(t, "checking", field(t, g.merge(p, `{"name":"lane","wait_seconds":0}`), "status"))
	answer := g.land(p, "lane")
	g.release()
	r = g.end(p, answer)
	require.Equal(t, "landed", field(t, r, "status"))
	require.Equal(t, 1, g.ran())
	require.Equal(t, "nothing", field(t, g.merge(p, `{"name":"lane"}`), "status"))
	g.landedOnce("lane")
}

// Who dies while it checks for all is followed by the next one: each lane lands once, and
// the dead one's by the same call.
func TestHolderIsKilledDuringACheck(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	a, b := g.dial(false), g.dial(false)
	for _, name := range []string{"of-a", "of-b", "also-b"} {
		g.lane(a, name, name, "x")
	}
	_ = g.land(a, "of-a")
	g.begun()
	answers := []<-chan message{g.land(b, "of-b"), g.land(b, "also-b")}
	g.awaitWaiting(4)
	a.kill()
	g.begun()
	g.release()
	for _, answer := range answers {
		require.Equal(t, "landed", field(t, g.end(b, answer), "status"))
	}
	require.NotContains(t, g.git("log", "--format=%s", "main"), "of-a")
	require.Equal(t, "landed", field(t, g.merge(b, `{"name":"of-a"}`), "status"))
	g.landedOnce("of-a", "of-b", "also-b")
	left, err := filepath.Glob(g.path(".git", "wt-mcp", "land", "*", "*-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A call that is given up while it waits changes nothing, and its lane lands when asked
// for again.
func TestWaitingLandingIsGivenUp(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	p := g.dial(false)
	g.lane(p, "first", "first", "x")
	g.lane(p, "second", "second", "x")
	first := g.land(p, "first")
	g.begun()
	id, _, err := p.beginCall("worktree_merge", `{"name":"second"}`)
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id}))
	time.Sleep(100 * time.Millisecond)
	g.release()
	require.Equal(t, "landed", field(t, g.end(p, first), "status"))
	require.NotContains(t, g.git("log", "--format=%s", "main"), "second")
	require.Equal(t, "landed", field(t, g.merge(p, `{"name":"second"}`), "status"))
	g.landedOnce("first", "second")
}

// The only one that wants a check gives it up: that ends it.
func TestCheckOfNobodyEnds(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	p := g.dial(false)
	g.lane(p, "lane", "lane", "x")
	id, _, err := p.beginCall("worktree_merge", `{"name":"lane"}`)
	require.NoError(t, err)
	g.begun()
	require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id}))
	require.Eventually(t, func() bool {
		runs, err := filepath.Glob(g.path(".git", "wt-mcp", "runs", "*.json"))
		if err != nil || len(runs) == 0 {
			return false
		}
		data, err := os.ReadFile(runs[0])
		return err == nil && strings.Contains(string(data), `"cancelled"`)
	}, patience, 20*time.Millisecond)
	g.release()
	require.Equal(t, "landed", field(t, g.merge(p, `{"name":"lane"}`), "status"))
	g.landedOnce("lane")
}
