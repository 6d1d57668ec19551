package occupants

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start starts a process in dir and waits until it is there.
func start(t testing.TB, dir string, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func nobody(Process) bool { return false }

func pids(all []Process) (ids []int) {
	for _, p := range all {
		ids = append(ids, p.PID)
	}
	return ids
}

func TestStaying(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range []string{"lane", "lane-2", "lane/sub", "lane/gone", "lane/odd \xff (deleted)", "elsewhere"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o755))
	}
	require.NoError(t, os.Symlink(filepath.Join(root, "lane"), filepath.Join(root, "link")))
	var want []int
	for _, name := range []string{"lane", "lane/sub", "lane/gone", "lane/odd \xff (deleted)", "link/sub"} {
		want = append(want, start(t, filepath.Join(root, name), "sleep", "100").Process.Pid)
	}
	for _, name := range []string{"lane-2", "elsewhere", "."} {
		start(t, filepath.Join(root, name), "sleep", "100", filepath.Join(root, "lane"))
	}
	require.NoError(t, os.Remove(filepath.Join(root, "lane/gone")))
	for _, dir := range []string{"lane", "link"} {
		got, err := Staying(filepath.Join(root, dir), nobody)
		require.NoError(t, err)
		require.ElementsMatch(t, want, pids(got), dir)
		require.Equal(t, "sleep 100", got[0].Command)
		require.Contains(t, got[0].Ancestors, os.Getpid())
	}
	got, err := Staying(filepath.Join(root, "lane"), func(p Process) bool { return p.PID != want[1] })
	require.NoError(t, err)
	require.Equal(t, []int{want[1]}, pids(got))
	_, err = Staying(filepath.Join(root, "missing"), nobody)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCallers(t *testing.T) {
	t.Parallel()
	callers := Callers()
	require.Equal(t, os.Getppid(), callers[0])
	require.NotContains(t, callers, os.Getpid())
	require.NotContains(t, callers, 1)
}

// A process that only looks in does not count.
func TestPassingProcessDoesNotStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := start(t, dir, "sleep", "100")
	ended := make(chan struct{})
	looks := 0
	got, err := Staying(dir, func(p Process) bool {
		if looks++; looks == 1 && p.PID == cmd.Process.Pid {
			_ = cmd.Process.Kill()
			go func() { _ = cmd.Wait(); close(ended) }()
		}
		return false
	})
	require.NoError(t, err)
	<-ended
	require.Equal(t, 1, looks, "there was one to see at first")
	require.Empty(t, got)
}

func BenchmarkLook500(b *testing.B) {
	dir := b.TempDir()
	for range 500 {
		start(b, dir, "sleep", "1000")
	}
	time.Sleep(time.Second)
	for _, at := range []string{dir, b.TempDir()} {
		b.Run(map[bool]string{true: "all in it", false: "none in it"}[at == dir], func(b *testing.B) {
			for b.Loop() {
				_, err := look(at, nobody)
				require.NoError(b, err)
			}
		})
	}
}
