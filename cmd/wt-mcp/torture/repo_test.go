//go:build linux

package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// repo is a repository of a test, with its board.
type repo struct {
	t       testing.TB
	dir     string
	mark    string
	servers atomic.Int64
}

// newRepo makes a repository with one commit.
func newRepo(t testing.TB) *repo {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return newRepoAt(t, filepath.Join(base, "repo"))
}

func newRepoAt(t testing.TB, dir string) *repo {
	t.Helper()
	r := &repo{t: t, dir: dir, mark: fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	r.git("init", "-q", "--template=")
	for i := range 5 {
		require.NoError(t, os.WriteFile(r.path(fmt.Sprintf("file%d.txt", i)), []byte(strings.Repeat("a line\n", 20)), 0o644))
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "initial")
	t.Cleanup(r.endAll)
	return r
}

func (r *repo) path(names ...string) string {
	return filepath.Join(append([]string{r.dir}, names...)...)
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	out, err := r.tryGit(args...)
	require.NoError(r.t, err)
	return out
}

func (r *repo) tryGit(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// open is start for a server that nobody kills while it starts.
func (r *repo) open(flags ...string) *server {
	r.t.Helper()
	s, err := r.start(flags...)
	require.NoError(r.t, err)
	return s
}

// opens starts several servers.
func (r *repo) opens(n int) []*server {
	r.t.Helper()
	all := make([]*server, n)
	for i := range all {
		all[i] = r.open()
	}
	return all
}

func (r *repo) close(servers ...*server) {
	r.t.Helper()
	for _, s := range servers {
		require.NoError(r.t, s.close())
	}
}

// endAll leaves no process of the test behind.
func (r *repo) endAll() {
	for range 100 {
		left := marked(r.mark + ".")
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// quiet waits until no process of the test is left, orphans of killed servers included.
func (r *repo) quiet() {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(marked(r.mark+".")) == 0 }, patience, 10*time.Millisecond,
		"processes of the test go on")
}

// doctor runs wt-mcp doctor and returns what it said and its exit code.
func (r *repo) doctor(flags ...string) (string, int) {
	r.t.Helper()
	cmd := exec.Command(*program, append([]string{"doctor"}, flags...)...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(r.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// recovered lets everything come to rest, starts a server as the next session
// would, makes a call for each name, and returns everything that is wrong.
func (r *repo) recovered(names ...string) (*outside, []string) {
	r.t.Helper()
	r.quiet()
	s := r.open()
	s.must(r.t, "task_list", args{})
	for _, name := range names {
		_, err := s.call("worktree_status", args{"name": name})
		require.NoError(r.t, err)
	}
	r.close(s)
	o := r.look()
	if said, code := r.doctor(); code != 0 || !strings.Contains(said, "agree") {
		o.fault("doctor exits with %d and says: %s", code, said)
	}
	return o, o.check()
}

// requireSound is recovered for a board on which nothing may be wrong.
func (r *repo) requireSound(names ...string) *outside {
	r.t.Helper()
	o, faults := r.recovered(names...)
	require.Empty(r.t, faults)
	return o
}

func (r *repo) glob(names ...string) []string {
	found, err := filepath.Glob(r.path(names...))
	require.NoError(r.t, err)
	return found
}

// read is the content of a file of the repository.
func (r *repo) read(names ...string) string {
	r.t.Helper()
	data, err := os.ReadFile(r.path(names...))
	require.NoError(r.t, err)
	return string(data)
}
