//go:build linux

package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariants 8 and 13: eight processes land in a branch that is checked out while its
// user commits there. Each lane is on it once, each commit of the user's too, the branch
// only went forward, and the checkout is as its tip.
func TestLandingsBesideAUser(t *testing.T) {
	r := newRepo(t)
	servers := r.opens(8)
	each := either(5, 50)
	var names []string
	for i := range each * len(servers) {
		name := fmt.Sprintf("lane-%03d", i)
		r.lane(servers[0], name, name+".txt")
		names = append(names, name)
	}
	stop := make(chan bool)
	committed := make(chan int)
	go func() { committed <- r.commitUntil(stop) }()
	var group sync.WaitGroup
	for i, s := range servers {
		group.Go(func() {
			for n := i; n < len(names); n += len(servers) {
				landUntilIn(t, s, names[n])
			}
		})
	}
	group.Wait()
	close(stop)
	mine := <-committed
	log := r.git("log", "--no-merges", "--format=%s", "main")
	for _, name := range names {
		require.Equal(t, 1, strings.Count("\n"+log+"\n", "\n"+name+"\n"), name)
	}
	require.Equal(t, mine, strings.Count("\n"+log, "\nby the user"))
	require.Empty(t, r.git("status", "--porcelain"))
	r.onlyForward("main")
	t.Logf("%d lanes landed beside %d commits of the user", len(names), mine)
	r.close(servers...)
}

// lane makes a lane with a commit of one file, named like it.
func (r *repo) lane(s *server, name, file string) {
	r.t.Helper()
	s.must(r.t, "worktree_create", args{"name": name})
	require.NoError(r.t, os.WriteFile(r.path(".worktrees", name, file), []byte(name+"\n"), 0o644))
	r.git("-C", r.path(".worktrees", name), "add", "-A")
	r.git("-C", r.path(".worktrees", name), "commit", "-q", "-m", name)
}

// landUntilIn lands a lane, again where the user's git was in the way.
func landUntilIn(t *testing.T, s *server, name string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		out, err := s.call("worktree_merge", args{"name": name})
		if err == nil && out.Code == "" {
			return
		}
		if err != nil || out.Code != "busy" || time.Now().After(deadline) {
			t.Errorf("land %s: %v %s", name, err, out.Text)
			return
		}
	}
}

// commitUntil commits in the main checkout, as its user does: what git refuses because
// somebody has the index is tried again.
func (r *repo) commitUntil(stop <-chan bool) (done int) {
	for {
		select {
		case <-stop:
			return done
		case <-time.After(either(400*time.Millisecond, 200*time.Millisecond)):
		}
		name := fmt.Sprintf("by-the-user-%d.txt", done)
		_ = os.WriteFile(r.path(name), []byte(name), 0o644)
		for _, command := range [][]string{{"add", name}, {"commit", "-q", "-m", fmt.Sprintf("by the user %d", done)}} {
			for {
				cmd := exec.Command("git", command...)
				cmd.Dir = r.dir
				if cmd.Run() == nil {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		done++
	}
}

// onlyForward reads in the reflog that a branch never went back.
func (r *repo) onlyForward(branch string) {
	r.t.Helper()
	tips := strings.Fields(r.git("reflog", "show", "--format=%H", branch))
	for i := len(tips) - 1; i > 0; i-- {
		_, err := r.tryGit("merge-base", "--is-ancestor", tips[i], tips[i-1])
		require.NoError(r.t, err, "%s went from %s to %s", branch, tips[i], tips[i-1])
	}
}

// Invariant 13: lanes that conflict with each other, landed at once by several processes: exactly one
// lands, the others name the file. One that is landed twice at once lands once.
func TestLandingsThatConflict(t *testing.T) {
	r := newRepo(t)
	servers := r.opens(4)
	for i := range 8 {
		r.lane(servers[0], fmt.Sprintf("lane-%d", i), "same.txt")
	}
	r.lane(servers[0], "twice", "twice.txt")
	var group sync.WaitGroup
	var mu sync.Mutex
	statuses := map[string]int{}
	land := func(s *server, name, kind string) {
		out, err := s.call("worktree_merge", args{"name": name})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("land %s: %v", name, err)
			return
		}
		status := out.Code
		if status == "" {
			status = as[struct{ Status string }](out).Status
		} else {
			require.Contains(t, out.Text, "same.txt")
		}
		statuses[kind+status]++
	}
	for i := range 8 {
		group.Go(func() { land(servers[i%4], fmt.Sprintf("lane-%d", i), "") })
	}
	for i := range 4 {
		group.Go(func() { land(servers[i], "twice", "twice ") })
	}
	group.Wait()
	require.Equal(t, 1, statuses["landed"], statuses)
	require.Equal(t, 7, statuses["conflict"], statuses)
	require.Equal(t, 1, statuses["twice landed"], statuses)
	require.Equal(t, 3, statuses["twice nothing"], statuses)
	require.Empty(t, r.git("status", "--porcelain"))
	r.onlyForward("main")
	r.close(servers...)
}
