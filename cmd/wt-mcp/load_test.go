package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scratch is a repository of a Go test, with an environment of its own.
type scratch struct {
	t   *testing.T
	dir string
	env []string
}

func newScratch(t *testing.T) *scratch {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { // a background run that is ending may still write its record
		require.Eventually(t, func() bool { return os.RemoveAll(base) == nil }, patience, 20*time.Millisecond)
	})
	home, err := cleanHome(filepath.Join(base, "home"))
	require.NoError(t, err)
	s := &scratch{t: t, dir: filepath.Join(base, "repo"), env: append(os.Environ(), home...)}
	require.NoError(t, os.Mkdir(s.dir, 0o755))
	s.write("README.md", "readme\n")
	s.git("init", "-q")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "initial")
	return s
}

func (s *scratch) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

func (s *scratch) write(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(content), 0o644))
}

func (s *scratch) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "git %v: %s", args, out)
	return string(out)
}

// dial starts a server; the test ends it with close.
func (s *scratch) dial(modern bool, flags ...string) *peer {
	s.t.Helper()
	p, err := dial(peerOptions{dir: s.dir, env: s.env, modern: modern, flags: flags})
	require.NoError(s.t, err)
	s.t.Cleanup(p.kill)
	return p
}

// must is a call that succeeds; it returns the structured result.
func (s *scratch) must(p *peer, tool, args string) map[string]any {
	s.t.Helper()
	r, err := p.call(tool, args)
	require.NoError(s.t, err)
	require.False(s.t, r.IsError, "%s %s: %s", tool, args, r.text())
	var v map[string]any
	require.NoError(s.t, json.Unmarshal(r.Structured, &v))
	return v
}

func eras(t *testing.T, test func(t *testing.T, modern bool)) {
	t.Run("legacy", func(t *testing.T) { t.Parallel(); test(t, false) })
	t.Run("modern", func(t *testing.T) { t.Parallel(); test(t, true) })
}

func TestEndOfInputLeavesNoCallUnanswered(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		type flight struct {
			tool, args string
			answer     <-chan message
		}
		var flights []flight
		for i := range 20 {
			f := flight{tool: "task_create", args: fmt.Sprintf(`{"subject":"task %d"}`, i)}
			if i%4 == 0 {
				f = flight{tool: "worktree_run", args: `{"name":"lane","command":"sleep 0.2; echo done"}`}
			}
			var err error
			_, f.answer, err = p.beginCall(f.tool, f.args)
			require.NoError(t, err)
			flights = append(flights, f)
		}
		require.NoError(t, p.hangUp())
		for _, f := range flights {
			r, err := p.callResult(f.tool, f.args, f.answer)
			require.NoError(t, err)
			require.False(t, r.IsError, r.text())
		}
		require.NoError(t, p.wait())
		require.Len(t, s.tasks(), 15)
	})
}

func (s *scratch) tasks() []string {
	s.t.Helper()
	files, err := filepath.Glob(s.path(".tasks", "task_*.json"))
	require.NoError(s.t, err)
	return files
}

// The long run lasts until the quick calls have answered: if it delayed them,
// nothing would ever end it but its time limit.
func TestLongRunDelaysNoOtherCall(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		args := `{"name":"lane","command":"touch begun; while ! test -e go; do sleep 0.05; done; echo went","timeout_seconds":20}`
		_, answer, err := p.beginCall("worktree_run", args)
		require.NoError(t, err)
		s.await(".worktrees/lane/begun")
		s.must(p, "task_list", `{}`)
		s.must(p, "task_create", `{"subject":"while it runs"}`)
		s.must(p, "worktree_create", `{"name":"other"}`)
		s.must(p, "worktree_run", `{"name":"lane","command":"true"}`)
		s.must(p, "worktree_status", `{"name":"lane"}`)
		require.Empty(t, answer, "the run ended too early")
		s.write(".worktrees/lane/go", "")
		r, err := p.callResult("worktree_run", args, answer)
		require.NoError(t, err)
		require.Contains(t, r.text(), "exit code 0")
		require.NoError(t, p.close())
	})
}

// await waits for a file that a command makes.
func (s *scratch) await(name string) string {
	s.t.Helper()
	var data []byte
	require.Eventually(s.t, func() (ok bool) {
		var err error
		data, err = os.ReadFile(s.path(name))
		return err == nil
	}, patience, 10*time.Millisecond, "%s did not appear", name)
	return strings.TrimSpace(string(data))
}

// A cancelled call is not answered, and its whole process tree stops.
func TestCancellationEndsTheProcessGroup(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		// A child of the shell, and one that hears no TERM; the names appear when both pids are written.
		id, answer, err := p.beginCall("worktree_run",
			`{"name":"lane","command":"(trap '' TERM; sh -c 'echo $$ >child.tmp; mv child.tmp child; sleep 60') & echo $$ >shell.tmp; mv shell.tmp shell; wait"}`)
		require.NoError(t, err)
		pids := []string{s.await(".worktrees/lane/child"), s.await(".worktrees/lane/shell")}
		require.NoError(t, p.notify("notifications/cancelled", map[string]any{"requestId": id, "reason": "changed my mind"}))
		for _, pid := range pids {
			require.Eventually(t, func() bool { return !alive(pid) }, patience, 20*time.Millisecond, "process %s lives on", pid)
		}
		s.must(p, "worktree_run", `{"name":"lane","command":"echo still serving"}`)
		require.Empty(t, answer, "a cancelled call was answered")
		p.mu.Lock()
		delete(p.waiting, string(id))
		p.mu.Unlock()
		require.NoError(t, p.close())
	})
}

func alive(pid string) bool {
	var n int
	if _, err := fmt.Sscan(pid, &n); err != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err == nil { // a zombie runs no more
		_, rest, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(rest, "Z")
	}
	return signalled(n)
}

// A server that is told to go takes the commands it started with it.
func TestSignalEndsServerAndCommands(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	_, _, err := p.beginCall("worktree_run", `{"name":"lane","command":"echo $$ >pid.tmp; mv pid.tmp pid; sleep 60"}`)
	require.NoError(t, err)
	pid := s.await(".worktrees/lane/pid")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("the server did not end")
	}
	var exit *exec.ExitError
	require.ErrorAs(t, p.cmd.Wait(), &exit)
	require.Equal(t, exitSignal, exit.ExitCode(), p.stderr.String())
	require.Eventually(t, func() bool { return !alive(pid) }, patience, 20*time.Millisecond, "the command lives on")
}

func TestManyProcessesOneBoard(t *testing.T) {
	t.Parallel()
	const processes, each = 8, 25
	s := newScratch(t)
	answers := make(chan error, processes)
	ids := make(chan int, processes*each)
	for i := range processes {
		p := s.dial(i%2 == 0)
		go func() {
			answers <- func() error {
				for j := range each {
					r, err := p.call("task_create", fmt.Sprintf(`{"subject":"%d of process %d"}`, j, i))
					if err != nil {
						return err
					}
					var task struct{ ID int }
					if err := json.Unmarshal(r.Structured, &task); err != nil {
						return fmt.Errorf("%w: %s", err, r.text())
					}
					ids <- task.ID
				}
				return p.close()
			}()
		}()
	}
	for range processes {
		require.NoError(t, <-answers)
	}
	close(ids)
	var got []int
	for id := range ids {
		got = append(got, id)
	}
	slices.Sort(got)
	for i, id := range got {
		require.Equal(t, i+1, id, "ids are given out once, without a gap")
	}
	require.Len(t, got, processes*each)
	require.Len(t, s.tasks(), processes*each)
	s.requireGaplessEvents(processes * each)
}

// requireGaplessEvents holds the event log to invariant 4: seq 1 to n, in order.
func (s *scratch) requireGaplessEvents(n int) {
	s.t.Helper()
	data, err := os.ReadFile(s.path(".worktrees", "events.jsonl"))
	require.NoError(s.t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	require.Len(s.t, lines, n)
	for i, line := range lines {
		var e struct{ Seq int }
		require.NoError(s.t, json.Unmarshal([]byte(line), &e))
		require.Equal(s.t, i+1, e.Seq)
	}
}

func TestManyProcessesCreateWorktrees(t *testing.T) {
	t.Parallel()
	const processes, each = 4, 2
	s := newScratch(t)
	type outcome struct {
		name string
		err  error
	}
	outcomes := make(chan outcome, processes*each)
	var peers []*peer
	for i := range processes {
		p := s.dial(i%2 == 0)
		peers = append(peers, p)
		for j := range each {
			go func() {
				name := fmt.Sprintf("lane-%d-%d", i, j)
				r, err := p.call("worktree_create", fmt.Sprintf(`{"name":%q}`, name))
				if err == nil && r.IsError {
					err = fmt.Errorf("%s", r.text())
				}
				outcomes <- outcome{name, err}
			}()
		}
	}
	var names []string
	for range processes * each {
		o := <-outcomes
		require.NoError(t, o.err, o.name)
		names = append(names, o.name)
	}
	for _, p := range peers {
		require.NoError(t, p.close())
	}
	list := s.git("worktree", "list", "--porcelain")
	for _, name := range names {
		require.Contains(t, list, "worktree "+s.path(".worktrees", name)+"\n")
		require.Contains(t, list, "branch refs/heads/wt/"+name+"\n")
		require.FileExists(t, s.path(".worktrees", name, "README.md"))
	}
	require.NotContains(t, list, "locked")
	require.Empty(t, s.git("status", "--porcelain"))
	s.requireGaplessEvents(2 * len(names))
}

// Eight calls want the same name at once: one gets it.
func TestOneNameIsGivenOutOnce(t *testing.T) {
	t.Parallel()
	const callers = 8
	s := newScratch(t)
	peers := []*peer{s.dial(false), s.dial(true)}
	results := make(chan result, callers)
	errs := make(chan error, callers)
	for i := range callers {
		go func() {
			r, err := peers[i%2].call("worktree_create", `{"name":"lane"}`)
			results <- r
			errs <- err
		}()
	}
	won := 0
	for range callers {
		require.NoError(t, <-errs)
		r := <-results
		if !r.IsError {
			won++
			continue
		}
		e, err := r.failure()
		require.NoError(t, err)
		require.Contains(t, []string{"already_exists", "busy"}, e.Code)
	}
	require.Equal(t, 1, won)
	require.Len(t, strings.Split(strings.TrimSpace(s.git("worktree", "list")), "\n"), 2)
	for _, p := range peers {
		require.NoError(t, p.close())
	}
}

// A killed server leaves a board that the next one reads and continues.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	for i := range 10 {
		s.must(p, "task_create", fmt.Sprintf(`{"subject":"task %d"}`, i))
	}
	for i := range 10 { // more are under way when it dies
		_, _, err := p.beginCall("task_create", fmt.Sprintf(`{"subject":"late %d"}`, i))
		require.NoError(t, err)
	}
	_, _, err := p.beginCall("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	p.die()

	next := s.dial(true)
	list := s.must(next, "task_list", `{"limit":100}`)
	require.GreaterOrEqual(t, len(list["tasks"].([]any)), 10)
	r, err := next.call("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	if r.IsError {
		e, err := r.failure()
		require.NoError(t, err)
		require.Equal(t, "already_exists", e.Code, r.text())
	}
	require.Equal(t, "wt/lane", s.must(next, "worktree_status", `{"name":"lane"}`)["branch"])
	require.NoError(t, next.close())
}

// A client that is gone takes the server along, without a word on stderr.
func TestClosedOutputEndsTheServer(t *testing.T) {
	s := newScratch(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `printf '{"jsonrpc":"2.0","id":1,"method":"ping"}\n%.0s' $(seq 2000) | wt-mcp | head -n 1 >/dev/null`)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.NotContains(t, string(out), "panic")
}
