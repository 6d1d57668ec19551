//go:build linux && (amd64 || arm64)

package torture_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariants 7, 8 and 13 at every instant: a landing into the branch that the user has
// checked out, with files open there, is killed before its n-th system call that changes
// something, alone or with its git processes; then what recovers it is killed as well.
// In the end the target is before or after, lane, task, record and event say the same, no
// lock is left, the user's files are as they were, and the same call works.
func TestLandingKilledAtEverySystemCall(t *testing.T) {
	for _, remove := range either([]bool{true}, []bool{true, false}) {
		for _, family := range []bool{false, true} {
			name := map[bool]string{false: "land", true: "finish"}[remove] + map[bool]string{false: "/server", true: "/family"}[family]
			t.Run(name, func(t *testing.T) {
				e := &landfall{t: t, remove: remove, family: family, rng: random(t, 1)}
				e.renew()
				about := 2
				if family {
					about = 4
				}
				e.all(either(about, 0))
			})
		}
	}
}

// landfall kills landings at their system calls.
type landfall struct {
	t      *testing.T
	r      *repo
	d      *dirt
	remove bool // the call removes the lane as well
	family bool
	rng    *rand.Rand
	lanes  []string

	bad    []string
	calls  map[string]int // at which call it was killed
	states map[string]int // what was found after the kill
	again  int            // recoveries that were killed
}

// renew begins in a new repository.
func (e *landfall) renew() {
	e.r = newRepo(e.t)
	e.r.must("task_create", args{"subject": "first"}) // the board exists
	e.d, e.lanes = e.r.dirty(), nil
}

// all kills at each n, or at about so many of them, evenly spread.
func (e *landfall) all(about int) {
	e.calls, e.states = map[string]int{}, map[string]int{}
	tr, _ := e.cut("measured", 0, e.land)
	step := int64(1)
	if about > 0 {
		step = max(1, tr.count/int64(about))
	}
	runs, began := 0, time.Now()
	for n := 1 + e.rng.Int64N(step); ; n += step {
		runs++
		if !e.one(n) && n >= tr.count {
			break
		}
		require.Less(e.t, n, 3*tr.count+step, "the call does not come to its end")
	}
	e.t.Logf("%d changing system calls: %s", tr.count, tr)
	e.t.Logf("%d kills in %v, at %v, and of %d recoveries; found afterwards: %v; %d inconsistencies",
		runs-1, time.Since(began).Round(time.Second), e.calls, e.again, e.states, len(e.bad))
	require.Empty(e.t, e.bad)
}

func (e *landfall) land(s *server, name string) (reply, error) {
	strategy := []string{"merge", "squash", "rebase"}[len(e.lanes)%3]
	return s.call("worktree_merge", args{"name": name, "strategy": strategy, "complete_task": true, "remove": e.remove})
}

// cut makes a call in a session that is killed at its n-th system call, if it comes to that.
func (e *landfall) cut(name string, n int64, call func(*server, string) (reply, error)) (*tracer, bool) {
	if n == 0 {
		e.prepare(name)
	}
	tr := &tracer{family: e.family, fatal: n}
	s := e.r.command()
	tr.start(e.t, s)
	require.NoError(e.t, s.greet())
	tr.counting.Store(true)
	out, err := call(s, name)
	tr.counting.Store(false)
	switch {
	case errors.Is(err, errGone):
		<-s.ended
	case err != nil || out.Code != "" && out.Code != "not_found": // of a lane that is removed
		e.fault(n, tr.last, "the call failed: %v %s", err, out.Text)
		fallthrough
	default:
		require.NoError(e.t, gone(s.close()))
	}
	e.r.quiet()
	return tr, errors.Is(err, errGone)
}

func (e *landfall) prepare(name string) {
	e.lanes = append(e.lanes, name)
	s := e.r.open()
	e.r.work(s, name)
	e.r.close(s)
}

// one kills at the n-th call; it is false where the call survived.
func (e *landfall) one(n int64) bool {
	name := fmt.Sprintf("lane-%d", n)
	e.prepare(name)
	tip := e.r.git("rev-parse", "main")
	tr, killed := e.cut(name, n, e.land)
	if killed {
		e.calls[tr.last]++
	}
	e.states[e.state(tip)]++
	if changed := e.d.changed(); len(changed) > 0 {
		e.fault(n, tr.last, "the user's files changed: %v", changed)
	}
	if killed {
		e.recover(name)
	}
	e.settled(n, tr.last, name)
	return killed
}

// recover kills what recovers: another session that looks, or that lands.
func (e *landfall) recover(name string) {
	call := e.land
	if e.rng.IntN(2) == 0 {
		call = func(s *server, name string) (reply, error) { return s.call("worktree_status", args{"name": name}) }
	}
	if _, killed := e.cut(name, 1+e.rng.Int64N(60), call); killed {
		e.again++
	}
}

// state says how far the landing had got, as a stranger sees it.
func (e *landfall) state(tip string) string {
	at := "before"
	if e.r.git("rev-parse", "main") != tip {
		at = "after"
	}
	if len(e.r.glob(".git", "index.lock")) > 0 {
		at += "+index.lock"
	}
	if len(e.r.glob(".git", "refs", "heads", "main.lock")) > 0 {
		at += "+main.lock"
	}
	if slices.ContainsFunc(e.r.glob(".git", "wt-mcp", "ops", "*.json"), func(string) bool { return true }) {
		at += "+intent"
	}
	return at
}

// settled repeats the call: it lands the lane, or says that it is there. Then all agree.
func (e *landfall) settled(n int64, at, name string) {
	bad := len(e.bad)
	e.sound(n, at, "recovered")
	s := e.r.open()
	out, err := e.land(s, name)
	require.NoError(e.t, err)
	if out.Code != "" && !(e.remove && out.Code == "not_found") {
		e.fault(n, at, "the next call: %s", out.Text)
	}
	require.NoError(e.t, s.close())
	o := e.sound(n, at, "landed")
	if e.r.git("log", "--no-merges", "--format=%s", "--grep=^"+name+"$", "main") == "" {
		e.fault(n, at, "%s is not on main", name)
	}
	if live := slices.ContainsFunc(o.entries, func(x entry) bool { return x.Name == name && x.live() }); live && e.remove {
		e.fault(n, at, "the lane stays: %s", out.Text)
	}
	if len(e.bad) > bad { // what is wrong must not be counted again
		e.renew()
	}
}

// sound checks the board, the branch and its checkout.
func (e *landfall) sound(n int64, at, when string) *outside {
	e.r.must("task_update", args{"task_id": 1, "note": fmt.Sprint(n, when)}) // all of the journal is in the files
	s := e.r.open()
	for _, name := range e.lanes[len(e.lanes)-1:] {
		_, err := s.call("worktree_status", args{"name": name})
		require.NoError(e.t, err)
	}
	e.r.close(s)
	o := e.r.look()
	o.check()
	o.checkLandings("main", e.lanes)
	o.fsck()
	if said, code := e.r.doctor(); code != 0 {
		o.fault("doctor exits with %d: %s", code, said)
	}
	for _, fault := range append(o.faults, e.d.faults()...) {
		e.fault(n, at, "%s: %s", when, fault)
	}
	e.r.onlyForward("main")
	return o
}

func (e *landfall) fault(n int64, at, format string, a ...any) {
	e.bad = append(e.bad, fmt.Sprintf("killed at call %d (%s): %s", n, at, fmt.Sprintf(format, a...)))
	e.t.Log(e.bad[len(e.bad)-1])
}
