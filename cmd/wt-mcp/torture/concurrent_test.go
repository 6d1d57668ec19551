//go:build linux

package torture_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// each runs f for every server at once.
func each(servers []*server, f func(i int, s *server)) {
	var group sync.WaitGroup
	for i, s := range servers {
		group.Go(func() { f(i, s) })
	}
	group.Wait()
}

// Invariants 1 and 4: nothing that was acknowledged is lost, nothing is given out twice.
func TestEightProcessesCreateTasks(t *testing.T) {
	const processes, calls = 8, 50
	for round := range either(1, 5) {
		r := newRepo(t)
		servers := r.opens(processes)
		var mu sync.Mutex
		acknowledged := map[int]string{}
		began := time.Now()
		each(servers, func(i int, s *server) {
			for n := range calls {
				subject := fmt.Sprintf("task %d of process %d", n, i)
				out, err := s.call("task_create", args{"subject": subject})
				if !assert.NoError(t, err) || !assert.Empty(t, out.Code, out.Text) {
					return
				}
				mu.Lock()
				assert.Empty(t, acknowledged[as[task](out).ID], "an id was given out twice")
				acknowledged[as[task](out).ID] = subject
				mu.Unlock()
			}
		})
		t.Logf("round %d: %d acknowledged, %.0f a second", round, len(acknowledged), float64(len(acknowledged))/time.Since(began).Seconds())
		r.close(servers...)
		o := r.requireSound()
		require.Len(t, acknowledged, processes*calls)
		require.Len(t, o.tasks, processes*calls)
		require.Len(t, o.events, processes*calls)
		for id, subject := range acknowledged {
			require.Equal(t, subject, o.tasks[id].Subject)
		}
	}
}

// Invariant 1: no update is lost, whoever updates the same task. Invariant 3:
// whoever reads the files beside that never sees half of one.
func TestEightProcessesUpdateOneTask(t *testing.T) {
	const processes = 8
	calls := either(15, 40)
	r := newRepo(t)
	servers := r.opens(processes)
	servers[0].must(t, "task_create", args{"subject": "shared"})
	servers[0].must(t, "worktree_create", args{"name": "lane"})
	var conflicts, reads, torn atomic.Int64
	stop := make(chan struct{})
	readers := readBeside(r, stop, &reads, &torn)
	each(servers, func(i int, s *server) {
		for n := range calls {
			updateShared(t, s, fmt.Sprintf("note %d of process %d", n, i), n%2 == 0, &conflicts)
			if i == 0 && n%5 == 0 { // the registry is rewritten too
				s.must(t, "worktree_keep", args{"name": "lane"})
			}
		}
	})
	close(stop)
	readers.Wait()
	r.close(servers...)
	o := r.requireSound("lane")
	require.Equal(t, processes*calls+1, o.tasks[1].Version, "version is 1 + the acknowledged updates")
	require.Len(t, o.tasks[1].Notes, processes*calls)
	require.Zero(t, torn.Load(), "files that a reader could not parse")
	t.Logf("%d updates, %d refused by if_version and repeated, %d reads beside, 0 torn", processes*calls, conflicts.Load(), reads.Load())
}

// updateShared appends a note, by compare-and-swap or without.
func updateShared(t *testing.T, s *server, note string, swap bool, conflicts *atomic.Int64) {
	for {
		a := args{"task_id": 1, "note": note}
		if swap {
			out, err := s.call("task_get", args{"task_id": 1})
			if !assert.NoError(t, err) {
				return
			}
			a["if_version"] = as[task](out).Version
		}
		out, err := s.call("task_update", a)
		if !assert.NoError(t, err) {
			return
		}
		if out.Code == "" {
			return
		}
		if !assert.Equal(t, "conflict", out.Code, out.Text) {
			return
		}
		conflicts.Add(1)
	}
}

// readBeside reads the board's files over and over, as a person or a script does.
func readBeside(r *repo, stop <-chan struct{}, reads, torn *atomic.Int64) *sync.WaitGroup {
	var group sync.WaitGroup
	for _, name := range []string{r.path(".tasks", "task_1.json"), r.path(".worktrees", "index.json")} {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				data, err := os.ReadFile(name)
				if err != nil || !json.Valid(data) {
					torn.Add(1)
				}
				reads.Add(1)
				time.Sleep(200 * time.Microsecond)
			}
		})
	}
	return &group
}

// cloned is a repository with a remote, and so with a branch origin/main.
func cloned(t *testing.T) *repo {
	t.Helper()
	r := newRepo(t)
	bare := filepath.Join(filepath.Dir(r.dir), "origin.git")
	r.git("clone", "-q", "--bare", r.dir, bare)
	r.git("remote", "add", "origin", bare)
	r.git("fetch", "-q", "origin")
	return r
}

// Invariant 5, and git's own races: 8 processes make 4 worktrees each at once.
func TestEightProcessesCreateWorktrees(t *testing.T) {
	const processes, each4 = 8, 4
	r := cloned(t)
	servers := r.opens(processes)
	began := time.Now()
	var made sync.Map
	each(servers, func(i int, s *server) {
		var group sync.WaitGroup
		for n := range each4 {
			a := args{"name": fmt.Sprintf("lane-%d-%d", i, n)}
			if n%2 == 1 {
				a["base_ref"] = "origin/main"
			}
			group.Go(func() {
				out, err := s.call("worktree_create", a)
				assert.NoError(t, err)
				assert.Empty(t, out.Code, out.Text)
				made.Store(as[entry](out).Name, true)
			})
		}
		group.Wait()
	})
	t.Logf("%d worktrees in %v", processes*each4, time.Since(began).Round(time.Millisecond))
	r.close(servers...)
	o := r.requireSound()
	require.Len(t, o.entries, processes*each4)
	require.Len(t, o.trees, processes*each4)
	require.Len(t, o.branches, processes*each4)
	for _, e := range o.entries {
		_, ok := made.Load(e.Name)
		require.True(t, ok, e.Name)
		require.Equal(t, "active", e.Status)
	}
	upstream := r.git("for-each-ref", "--format=%(upstream)", "refs/heads/wt/")
	require.Regexp(t, `^\s*$`, upstream, "no branch of a lane follows a remote's")
}

// Invariants 5 and 8: creations and removals beside a person who uses git in the
// same repository. What the person made is untouched.
func TestWorktreesBesideAUser(t *testing.T) {
	r := cloned(t)
	servers := r.opens(4)
	stop := make(chan struct{})
	var user sync.WaitGroup
	var did, refused int
	user.Go(func() { did, refused = useGit(t, r, stop) })
	each(servers, func(i int, s *server) {
		for n := range either(4, 40) {
			name := fmt.Sprintf("lane-%d-%d", i, n%3)
			out, err := s.call("worktree_create", args{"name": name, "base_ref": []string{"HEAD", "origin/main"}[n%2]})
			if !assert.NoError(t, err) || !assert.Empty(t, out.Code, out.Text) {
				return
			}
			out, err = s.call("worktree_remove", args{"name": name, "force": n%2 == 0})
			if !assert.NoError(t, err) || !assert.Empty(t, out.Code, out.Text) {
				return
			}
			assert.Equal(t, "deleted", as[removal](out).BranchOutcome, out.Text)
		}
	})
	close(stop)
	user.Wait()
	r.close(servers...)
	o := r.requireSound()
	t.Logf("the user ran git %d times; %d of them met one of git's own races", did, refused)
	require.Empty(t, o.branches)
	require.True(t, slices.ContainsFunc(o.trees, func(t tree) bool { return t.branch == "user-stays" }), "the worktree that the user left")
}

type removal struct {
	BranchOutcome string `json:"branch_outcome"`
	Trash         string
}

// gitRace are the words of git where it trips over another git that adds a
// worktree or deletes a branch at that moment; it does so without wt-mcp too.
var gitRace = regexp.MustCompile(`\.lock|failed to read .*commondir|bad object`)

// useGit is a person at work: commits, and worktrees of their own.
func useGit(t *testing.T, r *repo, stop <-chan struct{}) (did, refused int) {
	dir := filepath.Join(filepath.Dir(r.dir), "user")
	r.git("worktree", "add", "-q", "-b", "user-stays", dir+"-stays")
	for n := 0; ; n++ {
		select {
		case <-stop:
			return did, refused
		default:
		}
		branch, at := fmt.Sprintf("user-%d", n), fmt.Sprintf("%s-%d", dir, n)
		for _, a := range [][]string{{"commit", "-q", "--allow-empty", "-m", branch}, {"worktree", "add", "-q", "-b", branch, at},
			{"worktree", "remove", "--force", at}, {"branch", "-q", "-D", branch}} {
			did++
			if _, err := r.tryGit(a...); err != nil {
				refused++
				assert.Regexp(t, gitRace, err.Error())
				break
			}
		}
	}
}
