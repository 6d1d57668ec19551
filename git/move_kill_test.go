//go:build unix

package git

import (
	"encoding/json"
	"errors"
	"flag"
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
)

var movesKilled = flag.Int("git.moves", 6, "how many moves to kill at random; 200 is the long form")

// victim is a repository in which moves are killed, with a git that notes who it is.
type victim struct {
	*movable
	bin    string // has the wrapper in place of git
	status string
	files  map[string]string
}

func newVictim(t *testing.T, wrapper string) *victim {
	t.Helper()
	k := &victim{movable: newMovable(t)}
	k.large()
	k.status, k.files = k.dirty()
	k.wrap(t, wrapper)
	return k
}

// wrap puts the git that notes who it is in the place of the real one.
func (k *victim) wrap(t *testing.T, wrapper string) {
	t.Helper()
	real, err := exec.LookPath("git")
	require.NoError(t, err)
	k.bin = gittest.TempDir(t)
	syscall.ForkLock.RLock() // as in writeScript
	defer syscall.ForkLock.RUnlock()
	script := "#!/bin/sh\nreal=" + real + "\ndir='" + k.bin + "'\necho $$ >>$dir/pids\n" + wrapper + "\nexec $real \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(k.bin, "git"), []byte(script), 0o777))
}

// large gives the lane files that take a while to write.
func (k *victim) large() {
	k.Git("switch", "-q", "lane")
	for i := range 8 {
		k.Write(fmt.Sprintf("large%d", i), strings.Repeat(strconv.Itoa(i)+" a line of a large file\n", 40_000))
	}
	k.m.New = k.Commit("large")
	k.Git("switch", "-q", "main")
}

func (k *victim) start(t *testing.T, finish bool) *exec.Cmd {
	t.Helper()
	job, err := json.Marshal(moveJob{Dir: k.Dir, Move: k.m, Finish: finish})
	require.NoError(t, err)
	_ = os.Remove(filepath.Join(k.bin, "pids"))
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "PATH="+k.bin+":"+os.Getenv("PATH"), helperMove+"="+string(job))
	require.NoError(t, cmd.Start())
	return cmd
}

// kill ends a process and all its gits, or leaves them to end by themselves.
func (k *victim) kill(cmd *exec.Cmd, all bool) {
	_ = cmd.Process.Kill()
	pids, _ := os.ReadFile(filepath.Join(k.bin, "pids"))
	for pid := range strings.FieldsSeq(string(pids)) {
		if n, err := strconv.Atoi(pid); err == nil && all {
			_ = syscall.Kill(-n, syscall.SIGKILL)
		}
	}
	_ = cmd.Wait()
}

// finish is the next process: it waits for the gits of the dead one, by the lock.
func (k *victim) finish(t *testing.T) Finished {
	t.Helper()
	lock, err := k.r.LockTarget(t.Context(), k.m.Ref, "op-next")
	require.NoError(t, err)
	defer lock.Unlock()
	k.m.Since = time.Now().Add(-time.Minute)
	out, err := k.r.FinishMove(t.Context(), k.m)
	require.NoError(t, err)
	require.Empty(t, out.Left)
	k.requireAt(map[bool]string{false: k.m.Old, true: k.m.New}[out.Landed], k.status)
	k.requireFiles(k.files)
	return out
}

// renew takes the branch back for another move, as its user would.
func (k *victim) renew(op string) {
	k.m.Op = op
	if k.Git("rev-parse", "main") == k.m.New {
		k.Git("reset", "-q", "--keep", k.m.Old)
		k.Git("add", "staged")
	}
}

// Invariants 8 and 13: a move is killed with its gits, or its gits outlive it, and what
// finishes it is killed as well. In the end the branch and its checkout are before or
// after, no lock is left, and the user's files are as they were.
func TestMoveKilledAtRandom(t *testing.T) {
	t.Parallel()
	k := newVictim(t, "")
	began := time.Now()
	require.NoError(t, k.start(t, false).Wait())
	whole := time.Since(began)
	landed := 0
	for n := range *movesKilled {
		k.renew(fmt.Sprintf("op-%d", n))
		cmd := k.start(t, false)
		time.Sleep(rand.N(whole))
		k.kill(cmd, n%4 != 0)
		for range n % 3 {
			cmd := k.start(t, true)
			time.Sleep(rand.N(whole))
			k.kill(cmd, true)
		}
		if k.finish(t).Landed {
			landed++
		}
	}
	t.Logf("%d of %d had landed", landed, *movesKilled)
}

// The same before and after each git that changes something, and while it works.
func TestMoveKilledAtEachGit(t *testing.T) {
	t.Parallel()
	const wrapper = `
for arg in "$@"; do
	[ "$arg" = "$(cat $dir/verb)" ] || continue
	case "$(cat $dir/when)" in
	before) kill -9 $PPID; exit 1 ;;
	after) $real "$@"; kill -9 $PPID; exit 1 ;;
	amid) $real "$@" & sleep 0.02; kill -9 $! $PPID; exit 1 ;;
	esac
done`
	k := newVictim(t, wrapper)
	for _, verb := range []string{"status", "read-tree", "update-ref"} {
		for _, when := range []string{"before", "after", "amid"} {
			k.renew("op-" + verb + "-" + when)
			require.NoError(t, os.WriteFile(filepath.Join(k.bin, "verb"), []byte(verb), 0o666))
			require.NoError(t, os.WriteFile(filepath.Join(k.bin, "when"), []byte(when), 0o666))
			require.Error(t, k.start(t, false).Wait())
			out := k.finish(t)
			if when != "amid" {
				require.Equal(t, verb == "update-ref" && when == "after", out.Landed, "%s %s", verb, when)
			}
		}
	}
}

// A git that finds no room half-way, or is ended by somebody, leaves nothing: the move
// takes back what it wrote.
func TestMoveThatGitDoesNotComplete(t *testing.T) {
	t.Parallel()
	const wrapper = `
for arg in "$@"; do
	[ "$arg" = read-tree ] || continue
	case "$(cat $dir/when)" in
	room) trap '' XFSZ; ulimit -f 100 ;;
	ended) $real "$@" & sleep 0.01; kill -9 $!; exit 137 ;;
	esac
done`
	k := newVictim(t, wrapper)
	for _, when := range []string{"room", "ended"} {
		k.m.Op = "op-" + when
		require.NoError(t, os.WriteFile(filepath.Join(k.bin, "when"), []byte(when), 0o666))
		require.Error(t, k.start(t, false).Wait())
		k.requireAt(k.m.Old, k.status)
		k.requireFiles(k.files)
	}
}

// Invariants 8 and 13: somebody commits in the checkout while moves go on, one after
// the other. Nothing is reverted, on either side, and the branch only goes forward.
func TestMoveBesideACommittingUser(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t, gittest.Files(200))
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		made := 0
		for ; ; made++ {
			select {
			case <-stop:
				done <- made
				return
			default:
			}
			time.Sleep(50*time.Millisecond + rand.N(50*time.Millisecond))
			name := fmt.Sprintf("user/%d", made)
			g.Write(name, name)
			for {
				if _, err := g.Try("add", name); err != nil {
					continue
				}
				if _, err := g.Try("commit", "-q", "-m", name); err == nil {
					break
				}
			}
		}
	}()
	landed := 0
	for landed < 8 {
		if land(t, g, r, landed) {
			landed++
		}
	}
	close(stop)
	made := <-done
	require.NotZero(t, made, "the user gets a turn")
	require.Empty(t, g.Git("status", "--porcelain"))
	for i := range landed {
		require.Equal(t, "landed", g.Git("show", fmt.Sprintf("main:landed/%d", i)))
	}
	for i := range made {
		require.Equal(t, fmt.Sprintf("user/%d", i), g.Git("show", fmt.Sprintf("main:user/%d", i)))
	}
	log := strings.Fields(g.Git("reflog", "show", "--format=%H", "main"))
	require.Len(t, log, 1+made+landed)
	for i := range log[1:] {
		g.Git("merge-base", "--is-ancestor", log[i+1], log[i])
	}
}

// land puts one file on main, computed without a checkout; false where main moved.
func land(t *testing.T, g *gittest.Repo, r *Repo, n int) bool {
	t.Helper()
	op := fmt.Sprintf("op-%d", n)
	lock, err := r.LockTarget(t.Context(), "main", op)
	require.NoError(t, err)
	defer lock.Unlock()
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(t.TempDir(), "index")}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("landed"), 0o666))
	g.GitWith(env, "read-tree", lock.Head)
	g.GitWith(env, "update-index", "--add", "--cacheinfo", "100644,"+g.Git("hash-object", "-w", file)+","+fmt.Sprintf("landed/%d", n))
	commit := g.Git("commit-tree", "-p", lock.Head, "-m", op, g.GitWith(env, "write-tree"))
	_, err = r.Move(t.Context(), Move{Ref: lock.Ref, Old: lock.Head, New: commit, Op: op, Reason: op, Inherit: []*os.File{lock.File}})
	if errors.Is(err, ErrBranchMoved) || errors.Is(err, ErrBusy) {
		return false
	}
	require.NoError(t, err)
	return true
}
