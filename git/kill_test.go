//go:build unix

package git

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
	"wt-mcp/state/osfs/flock"
)

// server is the helper process, with a wrapper in the place of git.
type server struct {
	*exec.Cmd
	g    *gittest.Repo
	r    *Repo
	add  Add
	dir  string // holds the wrapper's notes
	lock string
}

func newServer(t *testing.T, wrapper string, opts ...gittest.Option) *server {
	t.Helper()
	real, err := exec.LookPath("git")
	require.NoError(t, err)
	g, r := newRepo(t, opts...)
	s := &server{g: g, r: r, dir: gittest.TempDir(t)}
	s.lock = filepath.Join(s.dir, "lock")
	syscall.ForkLock.RLock() // as in writeScript
	defer syscall.ForkLock.RUnlock()
	script := "#!/bin/sh\nreal=" + real + "\ndir='" + s.dir + "'\n" + wrapper + "\nexec $real \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "git"), []byte(script), 0o777))
	return s
}

func (s *server) prepare() {
	s.add = helperAdd(s.g.Dir, s.g.Head())
	s.Cmd = exec.Command(os.Args[0], "-test.run=^$")
	s.Env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"),
		helperDir+"="+s.g.Dir, helperBranch+"="+s.add.Commit, helperLock+"="+s.lock, "TMPDIR="+s.dir)
}

// waitForGit waits until no git of the dead server holds the lock.
func (s *server) waitForGit(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(s.lock, os.O_CREATE|os.O_RDWR, 0o666)
	require.NoError(t, err)
	defer file.Close()
	require.Eventually(t, func() bool { return flock.TryLock(file) == nil }, 20*time.Second, time.Millisecond)
}

// requireNoOutputFiles checks that no file for git's output was left behind.
func requireNoOutputFiles(t *testing.T, s *server) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.dir, "wt-mcp-git-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// recover does what the next process does: finish or undo, by what git says.
func (s *server) recover(t *testing.T) (state string) {
	t.Helper()
	ctx := context.Background()
	s.add.Since = time.Now().Add(-time.Minute)
	made, err := s.r.BranchMadeBy(ctx, s.add.Branch, s.add.Op)
	require.NoError(t, err)
	w, registered, err := s.r.registered(ctx, s.add.Path)
	if err != nil { // git lists nothing while one entry has an empty commondir; recovery mends that
		require.ErrorContains(t, err, "/commondir")
	}
	state = fmt.Sprintf("dir=%t branch=%t registered=%t lock=%q", exists(s.add.Path), made, registered, w.LockReason)
	if registered {
		require.True(t, made, state)
	}
	if s.r.FinishAdd(ctx, s.add) == nil {
		_, err := s.r.Status(ctx, s.add.Path)
		require.NoError(t, err)
		require.NoError(t, removed(s.r, ctx, Remove{Path: s.add.Path}), "complete means clean")
		require.NoError(t, s.r.DeleteBranch(ctx, s.add.Branch, s.add.Commit))
		state += " -> finished"
	} else {
		require.NoError(t, s.r.UndoAdd(ctx, s.add))
		state += " -> undone"
	}
	requireNothing(t, s.r, s.add)
	return state
}

// The server dies before or after each run of git.
func TestServerKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	const wrapper = `
n=$(cat $dir/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >$dir/n
if [ "$n-before" = "$(cat $dir/at)" ]; then kill -9 $PPID; exit 1; fi
if [ "$n-after" = "$(cat $dir/at)" ]; then $real "$@"; kill -9 $PPID; exit 1; fi`
	s := newServer(t, wrapper, gittest.Files(20))
	seen := make(map[string]bool)
	for step := 1; ; step++ {
		require.Less(t, step, 20)
		survived := 0
		for _, when := range []string{"before", "after"} {
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, "at"), []byte(fmt.Sprintf("%d-%s", step, when)), 0o666))
			_ = os.Remove(filepath.Join(s.dir, "n"))
			s.prepare()
			if s.Run() == nil {
				survived++
			}
			s.waitForGit(t)
			state := s.recover(t)
			t.Logf("%d %s: %s", step, when, state)
			seen[state] = true
		}
		if survived == 2 {
			break
		}
	}
	requireNoOutputFiles(t, s)
	require.GreaterOrEqual(t, len(seen), 5, "branch only, registered, complete but locked, ...")
}

// The server and its git die together at any time.
func TestEverythingKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	s := newServer(t, `echo $$ >>$dir/pids`, gittest.Files(400))
	for range 12 {
		pids := filepath.Join(s.dir, "pids")
		_ = os.Remove(pids)
		s.prepare()
		require.NoError(t, s.Start())
		time.Sleep(rand.N(45 * time.Millisecond))
		_ = s.Process.Kill()
		content, _ := os.ReadFile(pids)
		for pid := range strings.FieldsSeq(string(content)) {
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(-n, syscall.SIGKILL)
			}
		}
		_ = s.Wait()
		s.waitForGit(t)
		t.Log(s.recover(t))
	}
}

// Only the server dies: git goes on to the end, and its inherited lock says so.
func TestGitOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, "")
	addFilter(s.g, "touch '"+filepath.Join(s.dir, "running")+"'; sleep 0.3; cat")
	s.prepare()
	require.NoError(t, s.Start())
	require.Eventually(t, func() bool { return exists(filepath.Join(s.dir, "running")) }, 10*time.Second, time.Millisecond)
	require.NoError(t, s.Process.Kill())
	_ = s.Wait()
	file, err := os.Open(s.lock)
	require.NoError(t, err)
	defer file.Close()
	require.ErrorIs(t, flock.TryLock(file), flock.ErrHeld, "git is still at work")
	s.waitForGit(t)
	require.Contains(t, s.recover(t), "finished")
}

// Git's whole group dies, the server lives: the add fails and leaves nothing.
func TestGitKilledUnderTheServer(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	addFilter(g, "kill -9 0")
	a := newAdd(g, "a")
	err := r.AddWorktree(t.Context(), a)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, -1, e.ExitCode)
	requireNothing(t, r, a)
}
