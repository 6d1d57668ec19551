//go:build linux

package torture_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Invariants 3, 5 and 8: a program that knows nothing of locks and journal rewrites the same files in
// place. It can undo what it overwrites; the rest of the board must survive it.
func TestForeignProgramBesideServers(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	const processes, shared, own = 4, 3, 5
	r := newRepo(t)
	servers := r.opens(processes)
	for i := range shared + own {
		servers[0].must(t, "task_create", args{"subject": fmt.Sprint(i + 1)})
	}
	servers[0].must(t, "worktree_create", args{"name": "foreign"})
	f := &foreign{t: t, notes: map[string]int{}, lanes: map[string]string{}, codes: map[string]int{}}
	did := f.beside(r, func() {
		end := time.Now().Add(duration(3*time.Second, time.Minute))
		each(servers, func(i int, s *server) {
			for n := 0; time.Now().Before(end); n++ {
				f.update(s, fmt.Sprintf("note-%d-%d", i, n), 1+shared+n%own, true)
				f.update(s, fmt.Sprintf("both-%d-%d", i, n), 1+n%shared, false)
				f.lane(s, fmt.Sprintf("lane-%d-%d", i, n%3), n%4 == 3)
			}
		})
	})
	for _, s := range servers {
		require.NoError(t, s.close(), "a server must outlive whatever it reads")
	}
	f.mend(r)
	f.check(r, did)
}

// foreign keeps what was acknowledged beside the foreign program.
type foreign struct {
	t     *testing.T
	mu    sync.Mutex
	notes map[string]int
	lanes map[string]string // name: live or removed
	codes map[string]int
}

type scriptDid struct{ Tasks, Index, Events, Torn int }

// beside runs the script while f works.
func (f *foreign) beside(r *repo, work func()) (did scriptDid) {
	here, err := filepath.Abs(filepath.Join("testdata", "original.py"))
	require.NoError(f.t, err)
	cmd := exec.Command("python3", here, r.dir, fmt.Sprint(*seed))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(f.t, err)
	var out buffer
	cmd.Stdout = &out
	require.NoError(f.t, cmd.Start())
	work()
	require.NoError(f.t, stdin.Close())
	require.NoError(f.t, cmd.Wait(), "the script must be able to read whatever wt-mcp writes")
	require.NoError(f.t, json.Unmarshal([]byte(out.String()), &did))
	f.t.Logf("-torture.seed=%d; the script did %+v", *seed, did)
	return did
}

func (f *foreign) call(s *server, tool string, a args) bool {
	out, err := s.call(tool, a)
	assert.NoError(f.t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes[tool+" "+out.Code]++
	if !slices.Contains([]string{"", "corrupt", "already_exists", "not_found", "conflict", "busy"}, out.Code) {
		assert.Fail(f.t, "unexpected", "%s %v: %s", tool, a, out.Text)
	}
	return err == nil && out.Code == ""
}

func (f *foreign) update(s *server, note string, id int, counts bool) {
	if f.call(s, "task_update", args{"task_id": id, "note": note}) && counts {
		f.mu.Lock()
		f.notes[note] = id
		f.mu.Unlock()
	}
}

func (f *foreign) lane(s *server, name string, remove bool) {
	ok := false
	if remove {
		ok = f.call(s, "worktree_remove", args{"name": name})
	} else {
		ok = f.call(s, "worktree_create", args{"name": name})
	}
	if ok {
		f.mu.Lock()
		f.lanes[name] = map[bool]string{false: "live", true: "removed"}[remove]
		f.mu.Unlock()
	}
}

// mend is what a person does afterwards.
func (f *foreign) mend(r *repo) {
	said, _ := r.doctor()
	fixed, _ := r.doctor("--fix")
	again, code := r.doctor()
	if code != 0 { // what it mended may uncover something more
		fixed2, _ := r.doctor("--fix")
		fixed += fixed2
		again, code = r.doctor()
	}
	f.t.Logf("doctor found: %s", said)
	require.Zero(f.t, code, "doctor --fix said:\n%s\nthen doctor:\n%s", fixed, again)
}

func (f *foreign) check(r *repo, did scriptDid) {
	t := f.t
	o := r.look()
	o.checkRegistry()
	o.checkBranches()
	o.checkBindings()
	o.checkLeftovers()
	require.Empty(t, o.faults)
	seq, theirs := int64(0), 0
	for _, e := range o.events {
		if e.Seq == 0 {
			theirs++
			continue
		}
		seq++
		require.Equal(t, seq, e.Seq)
	}
	require.Equal(t, did.Events, theirs, "lines of the script in the event log")
	for note, id := range f.notes {
		require.True(t, slices.ContainsFunc(o.tasks[id].Notes, func(n struct{ Text string }) bool { return n.Text == note }), "%s of task %d", note, id)
	}
	for name, want := range f.lanes {
		got := "removed"
		if slices.ContainsFunc(o.entries, func(e entry) bool { return e.Name == name && e.live() }) {
			got = "live"
		}
		require.Equal(t, want, got, name)
	}
	f.checkKeys(r, o)
	t.Logf("%d notes and %d worktrees as acknowledged; answers: %v", len(f.notes), len(f.lanes), f.codes)
}

// checkKeys: keys that wt-mcp does not know are still there after it has written.
func (f *foreign) checkKeys(r *repo, o *outside) {
	for id := 1; id <= 3; id++ {
		data, err := os.ReadFile(r.path(".tasks", fmt.Sprintf("task_%d.json", id)))
		require.NoError(f.t, err)
		require.Contains(f.t, string(data), `"x_original"`)
	}
	if slices.ContainsFunc(o.events, func(e event) bool { return e.Event == "recovery.index" }) {
		return // the registry was torn, kept aside and rebuilt from git
	}
	data, err := os.ReadFile(r.path(".worktrees", "index.json"))
	require.NoError(f.t, err)
	require.Contains(f.t, string(data), `"x_original"`)
	require.Contains(f.t, string(data), `"x_entry"`)
}
