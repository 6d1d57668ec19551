//go:build linux

package runner

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// again is another process's view of the same runs.
func (b *board) again() *Jobs { return NewJobs(b.dir, b.tell) }

func TestNewIDsSortByTime(t *testing.T) {
	now := time.Now()
	require.Regexp(t, idForm, NewID(now))
	require.Less(t, NewID(now), NewID(now.Add(time.Millisecond)))
	require.NotEqual(t, NewID(now), NewID(now))
}

func TestRunIsStoppedFromElsewhere(t *testing.T) {
	b := newBoard(t)
	c := command(t, "echo on; sleep 1000")
	run := b.begin(t, c)
	r, err := b.again().Stop(t.Context(), c.ID, "because")
	require.NoError(t, err)
	require.Equal(t, Cancelled, r.Status)
	require.Equal(t, "because", r.Cause)
	require.True(t, within(late, run.Done))
	require.Equal(t, 1, b.told(c.ID), "the end is told once")
	require.NoFileExists(t, file(b.dir, c.ID, stopSuffix))
	r, err = b.Stop(t.Context(), c.ID, "again")
	require.NoError(t, err, "what is over can be stopped")
	require.Equal(t, "because", r.Cause)
}

// TestSupervisorsAreUsedAgain: one process serves runs that follow each other,
// and none of them gets what was meant for another.
func TestSupervisorsAreUsedAgain(t *testing.T) {
	b := newBoard(t)
	seen := map[int]bool{}
	for range 10 {
		c := command(t, "true")
		run := b.begin(t, c)
		require.True(t, within(late, run.Done))
		seen[b.get(t, c.ID).Supervisor] = true
	}
	require.Len(t, seen, 1)
	c := command(t, "sleep 0.3; echo through")
	run := b.begin(t, c)
	require.NoError(t, run.keeper.send(order{Stop: "r-000000000-aaaaa"}))
	for pid := range seen {
		require.NoError(t, syscall.Kill(pid, syscall.SIGUSR1))
	}
	require.True(t, within(late, run.Done))
	require.Equal(t, "through\n", b.text(t, c.ID))
}

// TestKilledSupervisor: its run is over for everybody, nothing of it is left that
// carries its mark, and the end is told once.
func TestKilledSupervisor(t *testing.T) {
	b := newBoard(t)
	c := command(t, "setsid sleep 1000 & sleep 1000 & echo $! >pids; touch on; sleep 1000")
	c.Env = append(c.Env, MarkVariable+"="+c.ID)
	run := b.begin(t, c)
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(c.Path, "on")); return err == nil }, late, time.Millisecond)
	require.NoError(t, syscall.Kill(run.Record.Supervisor, syscall.SIGKILL))
	require.True(t, within(late, run.Done))
	r, err := b.again().Get(c.ID)
	require.NoError(t, err)
	require.Equal(t, Cancelled, r.Status)
	require.Contains(t, r.Cause, "died")
	require.Equal(t, 1, b.told(c.ID))
	requireGone(t, c.Path)
	out, _ := exec.Command("pgrep", "-f", "sleep 1000").Output()
	for _, pid := range strings.Fields(string(out)) {
		env, _ := os.ReadFile("/proc/" + pid + "/environ")
		require.NotContains(t, string(env), c.ID)
	}
}

// TestEndIsToldOnce: whoever notices first, and however often it is looked for.
func TestEndIsToldOnce(t *testing.T) {
	b := newBoard(t)
	c := command(t, "sleep 0.1")
	run := b.begin(t, c)
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for other := b.again(); ; {
				select {
				case <-stop:
					return
				default:
					other.Settle()
				}
			}
		})
	}
	require.True(t, within(late, run.Done))
	close(stop)
	others.Wait()
	b.Settle()
	require.Equal(t, 1, b.told(c.ID))
}

// TestReadersChangeNothing: who may not write shows a dead run as over.
func TestReadersChangeNothing(t *testing.T) {
	b := newBoard(t)
	r := newRecord(Spec{ID: NewID(time.Now())}, time.Now())
	require.NoError(t, os.MkdirAll(b.dir, 0o700))
	require.NoError(t, r.write(b.dir))
	reader := b.again()
	reader.ReadOnly = true
	got, err := reader.Get(r.ID)
	require.NoError(t, err)
	require.Equal(t, Cancelled, got.Status)
	require.Zero(t, b.told(r.ID))
	got, err = b.Get(r.ID)
	require.NoError(t, err)
	require.Equal(t, Cancelled, got.Status)
	require.Equal(t, 1, b.told(r.ID))
}

func TestListAndSweep(t *testing.T) {
	b := newBoard(t)
	var ids []string
	for _, name := range []string{"a", "b", "a"} {
		c := command(t, "seq 1000")
		c.Worktree = name
		require.True(t, within(late, b.begin(t, c).Done))
		ids = append(ids, c.ID)
	}
	list, err := b.List("A")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, ids[2], list[0].ID, "the newest first")
	live := command(t, "sleep 1000")
	b.begin(t, live)

	b.Sweep(time.Now(), time.Hour, 1<<20)
	list, err = b.List("")
	require.NoError(t, err)
	require.Len(t, list, 4)
	b.Sweep(time.Now(), time.Hour, 5000)
	list, err = b.List("")
	require.NoError(t, err)
	require.Len(t, list, 2, "the oldest go where all are too large")
	b.Sweep(time.Now().Add(2*time.Hour), time.Hour, 1<<30)
	list, err = b.List("")
	require.NoError(t, err)
	require.Len(t, list, 1, "what is old goes, what runs stays")
	require.Equal(t, live.ID, list[0].ID)
	files, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	require.Len(t, files, 3, "record, lock and log of the live one")
}

func TestQueueIsBounded(t *testing.T) {
	b := newBoard(t)
	for range atOnce {
		b.begin(t, command(t, "sleep 1000"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Start(ctx, command(t, "true"), always)
	require.ErrorIs(t, err, ErrBusy)
	b.queued.Store(inQueue)
	_, err = b.Start(t.Context(), command(t, "true"), always)
	require.ErrorIs(t, err, ErrBusy)
	b.queued.Store(0)
	cancelled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	_, err = b.Start(cancelled, command(t, "true"), always)
	require.ErrorIs(t, err, context.Canceled)
}

// TestCloseEndsForegroundRuns: and leaves background runs.
func TestCloseEndsForegroundRuns(t *testing.T) {
	b := newBoard(t)
	fore, back := command(t, "echo $$ >pids; sleep 1000"), command(t, "echo $$ >pids; sleep 1000")
	back.Background = true
	run := b.begin(t, fore)
	b.begin(t, back)
	for _, dir := range []string{fore.Path, back.Path} {
		require.Eventually(t, func() bool {
			data, _ := os.ReadFile(filepath.Join(dir, "pids"))
			return strings.HasSuffix(string(data), "\n")
		}, late, time.Millisecond)
	}
	b.Close()
	require.True(t, within(0, run.Done))
	r := b.get(t, fore.ID)
	require.Equal(t, Cancelled, r.Status)
	require.Equal(t, "the server ended", r.Cause)
	requireGone(t, fore.Path)
	require.Eventually(t, func() bool { return !alive(r.Supervisor) }, late, time.Millisecond, "it writes until it ends")
	require.True(t, alive(readPids(t, back.Path)[0]))
	other := b.again()
	r, err := other.Get(back.ID)
	require.NoError(t, err)
	require.Equal(t, Running, r.Status)
	_, err = other.Stop(t.Context(), back.ID, "end")
	require.NoError(t, err)
	requireGone(t, back.Path)
	require.Eventually(t, func() bool { return !alive(r.Supervisor) }, late, time.Millisecond, "it writes until it ends")
}

// TestRunLeaksNothing counts descriptors and children around runs of every kind.
func TestRunLeaksNothing(t *testing.T) {
	b := newBoard(t)
	once := func() {
		for _, script := range []string{"echo hi", "exit 3", "sleep 1000 &", "sleep 1000", "kill -STOP $$", "(setsid sleep 0.5 &)", "yes | head -c 1000000"} {
			c := command(t, script)
			c.Timeout = 150 * time.Millisecond
			require.True(t, within(late, b.begin(t, c).Done))
		}
		c := command(t, "true")
		c.Shell = "/no/such/shell"
		_, err := b.Start(t.Context(), c, always)
		require.ErrorIs(t, err, ErrNoShell)
	}
	once()
	own, supervisor := descriptors(t, os.Getpid()), descriptors(t, b.idle[0].cmd.Process.Pid)
	once()
	require.Eventually(t, func() bool { return descriptors(t, os.Getpid()) <= own }, late, 10*time.Millisecond)
	require.LessOrEqual(t, descriptors(t, b.idle[0].cmd.Process.Pid), supervisor, "of the supervisor")
}

func descriptors(t *testing.T, pid int) int {
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	require.NoError(t, err)
	return len(entries)
}

// TestCommandGetsADefaultWorld: no signal is ignored, and no descriptor is open
// that we have.
func TestCommandGetsADefaultWorld(t *testing.T) {
	got := mustRun(t, command(t, `ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status; yes | head -n 1 >/dev/null; ulimit -c`))
	require.Equal(t, "4\nSigIgn:\t0000000000000000\n0\n", got.Output)
}

func TestPortBlocks(t *testing.T) {
	b := newBoard(t)
	live := []string{"a", "b", "c"}
	ports := func(name string) int {
		n, err := b.PortBase(name, func() ([]string, error) { return live, nil })
		require.NoError(t, err)
		return n
	}
	first := ports("a")
	require.Equal(t, first, ports("A"), "names that differ in case alone are the same name")
	require.Equal(t, first+10, ports("b"))
	live = []string{"b", "c"}
	require.Equal(t, first, ports("c"), "the block of a worktree that is gone is free")
	require.Equal(t, first+10, ports("b"))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(b.dir), "ports.json"), []byte("{"), 0o600))
	_, err := b.PortBase("a", func() ([]string, error) { return live, nil })
	require.ErrorContains(t, err, "ports.json")
}
