//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that dies leaves no server behind, also where somebody still holds the
// server's input open: here the test does.
func TestServerEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	in, held, err := os.Pipe()
	require.NoError(t, err)
	defer held.Close()
	client := exec.Command("sh", "-c", `wt-mcp <&3 >/dev/null & echo $!; wait`)
	client.Dir, client.Env, client.ExtraFiles = s.dir, s.env, []*os.File{in}
	out, err := client.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, client.Start())
	var pid int
	_, err = fmt.Fscan(out, &pid)
	require.NoError(t, err)
	time.Sleep(700 * time.Millisecond)
	require.True(t, runs(pid), "its client lives")
	require.NoError(t, client.Process.Kill())
	_ = client.Wait()
	killed := time.Now()
	require.Eventually(t, func() bool { return !runs(pid) }, patience, 10*time.Millisecond)
	require.Less(t, time.Since(killed), 3*time.Second, "a second on an idle machine")
}

// runs reports whether a process is there, and no zombie that nobody has fetched yet.
func runs(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}
