//go:build linux && (amd64 || arm64)

package torture_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariants 2, 3, 5 and 7 at every instant: the server is killed before its
// n-th system call that changes something, for each n until the call survives;
// once alone, once with the git processes that it runs, whose calls count then
// too. A new server must find a board that is sound, and the same call must work.
func TestKillAtEverySystemCall(t *testing.T) {
	for _, tool := range []string{"create", "remove", "restore", "rebuild"} {
		for _, family := range []bool{false, true} {
			name := tool + "/server"
			if family {
				name = tool + "/family"
			}
			t.Run(name, func(t *testing.T) {
				e := &execution{t: t, r: newRepo(t), tool: tool, family: family}
				e.r.must("task_create", args{"subject": "first"}) // the board exists
				about := 8
				if family {
					about = 16
				}
				if raceDetector { // which makes each traced run several times slower, and finds nothing in one that the others do not have
					about /= 4
				}
				e.all(either(about, 0), random(t, 1))
			})
		}
	}
}

// Invariants 2, 3, 5 and 7 where a worktree lies on another file system than its
// repository: it goes to a trash on its own, and comes back as a copy.
func TestKillAtEverySystemCallAcrossFileSystems(t *testing.T) {
	for _, tool := range []string{"remove", "restore"} {
		t.Run(tool, func(t *testing.T) {
			far, err := os.MkdirTemp("/dev/shm", "wt-mcp-torture-*")
			if err != nil {
				t.Skip("no other file system: ", err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(far) })
			e := &execution{t: t, r: newRepo(t), tool: tool, family: true, far: far}
			e.r.must("task_create", args{"subject": "first"})
			e.all(either(5, 0), random(t, 1))
		})
	}
}

// must makes one call in a session of its own.
func (r *repo) must(tool string, a args) {
	r.t.Helper()
	s := r.open()
	s.must(r.t, tool, a)
	r.close(s)
}

// execution kills one kind of call at its system calls.
type execution struct {
	t      *testing.T
	r      *repo
	tool   string // create; remove; restore from the trash; rebuild from the snapshot alone
	family bool
	far    string // where the worktrees begin, if not in .worktrees

	snapshot string // of the removal that is undone

	bad    []string
	behind []string       // kills after which the files were right only after another change
	states map[string]int // what was found after the kill
	calls  map[string]int // at which call
}

// all kills at each n, or at about so many of them, evenly spread.
func (e *execution) all(about int, rng *rand.Rand) {
	e.states, e.calls = map[string]int{}, map[string]int{}
	total, what := e.measure()
	step := 1
	if about > 0 {
		step = max(1, int(total)/about)
	}
	runs, began := 0, time.Now()
	n := int64(1)
	if step > 1 {
		n += rng.Int64N(int64(step))
	}
	for ; ; n += int64(step) {
		runs++
		if !e.one(n) && n >= total {
			break
		}
		require.Less(e.t, n, 3*total+int64(step), "the call does not come to its end")
	}
	e.t.Logf("%d changing system calls: %s", total, what)
	e.t.Logf("%d kills in %v, at %v; found afterwards: %v; %d inconsistencies, %d times behind",
		runs-1, time.Since(began).Round(time.Second), e.calls, e.states, len(e.bad), len(e.behind))
	require.Empty(e.t, e.bad)
	require.Empty(e.t, e.behind, "a session and doctor found all well, but the files had not all of a committed change")
}

// measure counts the calls of an undisturbed run.
func (e *execution) measure() (int64, string) {
	e.prepare("measured")
	tr, s := e.trace(0)
	defer e.r.quiet()
	tr.counting.Store(true)
	e.target(s, "measured")
	tr.counting.Store(false)
	require.NoError(e.t, s.close())
	return tr.count, tr.String()
}

// trace starts a server that will be killed at the n-th call, and warms it up.
func (e *execution) trace(n int64) (*tracer, *server) {
	tr := &tracer{family: e.family, fatal: n}
	s := e.r.command()
	tr.start(e.t, s)
	require.NoError(e.t, s.greet())
	s.must(e.t, "task_list", args{})
	return tr, s
}

func (e *execution) prepare(name string) {
	if e.tool == "create" {
		return
	}
	path := e.r.path(".worktrees", name)
	if e.far != "" {
		path = filepath.Join(e.far, name)
		_, err := e.r.tryGit("worktree", "add", "-q", "-b", "far/"+name, path)
		require.NoError(e.t, err)
		e.r.must("worktree_adopt", args{"path": path})
	} else {
		e.r.must("worktree_create", args{"name": name})
	}
	require.NoError(e.t, os.WriteFile(filepath.Join(path, "untracked"), []byte(name), 0o644))
	if e.tool == "remove" {
		return
	}
	s := e.r.open()
	out, err := s.call("worktree_remove", args{"name": name, "force": true})
	require.NoError(e.t, err)
	var kept struct{ Snapshot string }
	require.NoError(e.t, json.Unmarshal(out.Value, &kept))
	e.snapshot = kept.Snapshot
	e.r.close(s)
	if e.tool == "rebuild" {
		require.NoError(e.t, os.RemoveAll(e.r.path(".git", "wt-mcp", "trash")))
	}
}

func (e *execution) target(s *server, name string) (reply, error) {
	switch e.tool {
	case "remove":
		return s.call("worktree_remove", args{"name": name, "force": true})
	case "restore", "rebuild":
		return s.call("worktree_restore", args{"snapshot": e.snapshot})
	}
	return s.call("worktree_create", args{"name": name})
}

// one kills at the n-th call; it is false where the call survived.
func (e *execution) one(n int64) (killed bool) {
	name := fmt.Sprintf("lane-%d", n)
	e.prepare(name)
	tr, s := e.trace(n)
	tr.counting.Store(true)
	out, err := e.target(s, name)
	if err == nil && out.Code != "" {
		e.fault(n, tr.last, "the call failed: %s", out.Text)
	}
	if killed = errors.Is(err, errGone); killed {
		<-s.ended
		e.calls[tr.last]++
	} else {
		tr.counting.Store(false)
		require.NoError(e.t, gone(s.close()))
	}
	e.states[e.state(name)]++
	e.again(n, tr.last, name)
	return killed
}

func (e *execution) fault(n int64, at, format string, a ...any) {
	e.bad = append(e.bad, fmt.Sprintf("killed at call %d (%s): %s", n, at, fmt.Sprintf(format, a...)))
	e.t.Log(e.bad[len(e.bad)-1])
}

// state says how far the call had got, as a stranger sees it.
func (e *execution) state(name string) string {
	var parts []string
	add := func(there bool, what string) {
		if there {
			parts = append(parts, what)
		}
	}
	exists := func(names ...string) bool { _, err := os.Lstat(e.r.path(names...)); return err == nil }
	files, _ := os.ReadDir(e.r.path(".worktrees", name))
	add(len(files) == 0 && exists(".worktrees", name), "empty directory")
	add(len(files) > 0, "directory")
	add(exists(".git", "refs", "heads", "wt", name), "branch")
	add(exists(".git", "refs", "heads", "wt", name+".lock"), "branch.lock")
	add(exists(".git", "packed-refs.lock"), "packed-refs.lock")
	add(exists(".git", "worktrees", name), "admin")
	add(exists(".git", "worktrees", name, "locked"), "locked")
	add(exists(".git", "worktrees", name, "index.lock"), "index.lock")
	ops, _ := os.ReadDir(e.r.path(".git", "wt-mcp", "ops"))
	add(slices.ContainsFunc(ops, func(d os.DirEntry) bool { return strings.HasSuffix(d.Name(), ".json") }), "intent")
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "+")
}

// again repeats the call in a new session: it must work, or say that it is done
// already; then nothing may be wrong. The file that was in a removed worktree is
// kept, and comes back.
func (e *execution) again(n int64, at, name string) {
	e.r.quiet()
	bad := len(e.bad)
	s := e.r.open()
	out, err := e.target(s, name)
	require.NoError(e.t, err)
	done := e.tool != "remove" && out.Code == "already_exists" && strings.Contains(out.Text, "worktree "+name+" exists already") ||
		e.tool != "remove" && out.Code == "already_exists" && strings.Contains(out.Text, "was restored already") ||
		e.tool == "remove" && out.Code == "not_found"
	if out.Code != "" && !done {
		e.fault(n, at, "the next call: %s", out.Text)
	}
	require.NoError(e.t, s.close())
	o := e.sound(n, at)
	live := slices.ContainsFunc(o.entries, func(x entry) bool { return x.Name == name && x.live() })
	if live == (e.tool == "remove") {
		e.fault(n, at, "the worktree is live: %v", live)
	}
	if live {
		if _, err := e.r.tryGit("-C", e.r.path(".worktrees", name), "commit", "-q", "--allow-empty", "-m", "work"); err != nil {
			e.fault(n, at, "nobody can work there: %v", err)
		}
	}
	if content, err := os.ReadFile(e.r.path(".worktrees", name, "untracked")); live && e.tool != "create" && string(content) != name {
		e.fault(n, at, "the untracked file did not come back: %v", err)
	}
	kept := e.r.glob(".git", "wt-mcp", "trash", "*", "files", "untracked")
	if e.far != "" {
		kept, err = filepath.Glob(filepath.Join(e.far, ".trash", "*", "files", "untracked"))
		require.NoError(e.t, err)
	}
	if e.tool == "remove" && len(kept) < 1 {
		e.fault(n, at, "the untracked file is lost")
	}
	if len(e.bad) > bad { // what is wrong must not be counted again
		e.r = newRepo(e.t)
		e.r.must("task_create", args{"subject": "first"})
	}
}

// sound checks the board. What is wrong with it may be a change that is in the
// journal and not in the files, where the repeated call had nothing to write:
// the next change puts that right.
func (e *execution) sound(n int64, at string) *outside {
	if said, code := e.r.doctor(); code != 0 {
		e.fault(n, at, "doctor exits with %d: %s", code, said)
	}
	o := e.r.look()
	faults := o.check()
	if len(faults) == 0 {
		return o
	}
	e.r.must("task_create", args{"subject": "one more"})
	o = e.r.look()
	if still := o.check(); len(still) > 0 {
		e.fault(n, at, "%v", still)
	} else {
		e.behind = append(e.behind, fmt.Sprintf("call %d (%s): %v", n, at, faults))
	}
	return o
}
