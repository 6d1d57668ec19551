package runner

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRunLeaksNothing counts descriptors, goroutines and children around runs of
// every kind.
func TestRunLeaksNothing(t *testing.T) {
	scripts := []string{"echo hi", "exit 3", "sleep 1000 &", "sleep 1000", "kill -STOP $$", "(setsid sleep 0.5 &)", "yes | head -c 1000000"}
	once := func() {
		for _, script := range scripts {
			c := command(t, script)
			c.Timeout = 150 * time.Millisecond
			_, err := Run(t.Context(), c)
			require.NoError(t, err)
		}
		c := command(t, "true")
		c.Dir += "/missing"
		_, err := Run(t.Context(), c)
		require.ErrorIs(t, err, ErrNoDir)
	}
	once()
	descriptors, goroutines := countDescriptors(t), runtime.NumGoroutine()
	require.Empty(t, children(t))
	for range 3 {
		once()
	}
	require.Equal(t, descriptors, countDescriptors(t))
	require.Empty(t, children(t))
	for deadline := time.Now().Add(late); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%d goroutines, then %d", goroutines, runtime.NumGoroutine())
	}
}

func countDescriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// children lists our child processes, zombies among them.
func children(t *testing.T) []string {
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		var state string
		var parent int
		if n, _ := fmt.Sscan(rest, &state, &parent); n == 2 && parent == os.Getpid() {
			found = append(found, entry.Name()+" "+state)
		}
	}
	return found
}

// TestRunHoldsTheGroupUntilItIsReaped: when the shell has ended, its number is
// still taken, so that a signal to its group cannot hit strangers.
func TestRunHoldsTheGroupUntilItIsReaped(t *testing.T) {
	p, err := start(command(t, "exit 3").prepare(systemShell()), 100)
	require.NoError(t, err)
	require.True(t, within(late, p.ended))
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(t, err)
	require.Contains(t, string(stat), ") Z ")
	require.Equal(t, 3, p.end(Exited))
	require.NoDirExists(t, fmt.Sprintf("/proc/%d", p.cmd.Process.Pid))
}
