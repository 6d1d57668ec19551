//go:build unix

package git

import (
	"encoding/json"
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
	real, err := exec.LookPath("git")
	require.NoError(t, err)
	k := &victim{movable: newMovable(t), bin: gittest.TempDir(t)}
	k.large()
	k.status, k.files = k.dirty()
	syscall.ForkLock.RLock() // as in writeScript
	defer syscall.ForkLock.RUnlock()
	script := "#!/bin/sh\nreal=" + real + "\ndir='" + k.bin + "'\necho $$ >>$dir/pids\n" + wrapper + "\nexec $real \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(k.bin, "git"), []byte(script), 0o777))
	return k
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
