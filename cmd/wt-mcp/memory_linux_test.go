package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var hasty = flag.Bool("hasty", false, "with whole crowds of calls instead of a tenth")

// mostMemory is what no client may make a server take, in MB.
const mostMemory = 200

// crowd is a client that writes calls without waiting for anything.
type crowd struct {
	*scratch
	p *peer
	n int
}

// newCrowd has a server, and as many calls as are meant, or a tenth of them.
func newCrowd(t *testing.T, calls int) *crowd {
	t.Helper()
	s := newScratch(t)
	c := &crowd{scratch: s, p: s.dial(false, "--toolsets", "all"), n: calls}
	if !*hasty {
		c.n = calls / 10
	}
	s.must(c.p, "worktree_create", `{"name":"lane"}`)
	return c
}

// peak is the most memory that the server has had, in MB.
func (c *crowd) peak() int {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.p.cmd.Process.Pid))
	require.NoError(c.t, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	_, err = fmt.Sscan(rest, &kb)
	require.NoError(c.t, err)
	return kb >> 10
}

// all writes calls and then a ping, reads every answer, and holds the server to its
// memory and each call to one answer.
func (c *crowd) all(tool string, args func(i int) string) {
	c.t.Helper()
	var answers []<-chan message
	for i := range c.n {
		_, answer, err := c.p.beginCall(tool, args(i))
		require.NoError(c.t, err)
		answers = append(answers, answer)
	}
	_, pong, err := c.p.begin("ping", nil)
	require.NoError(c.t, err)
	_, err = c.p.await(pong)
	require.NoError(c.t, err)
	for _, answer := range answers {
		m, err := c.p.await(answer)
		require.NoError(c.t, err)
		require.Nil(c.t, m.Error)
	}
	peak := c.peak()
	c.t.Logf("%d calls of %s: peak %d MB", c.n, tool, peak)
	if !raceEnabled(c.t) {
		require.Less(c.t, peak, mostMemory)
	}
	require.NoError(c.t, c.p.close())
}

func TestManyReadsOfALargeFile(t *testing.T) {
	c := newCrowd(t, 1000)
	c.write(".worktrees/lane/large", strings.Repeat(strings.Repeat("x", 99)+"\n", 10<<20/100))
	c.all("file_read", func(int) string { return `{"worktree":"lane","path":"large","offset":90000,"limit":1000}` })
}

func TestManyEditsOfALargeFile(t *testing.T) {
	c := newCrowd(t, 100)
	c.write(".worktrees/lane/large", strings.Repeat(strings.Repeat("x", 99)+"\n", 9<<20/100))
	c.all("file_edit", func(int) string { return `{"worktree":"lane","path":"large","old_text":"x\n","new_text":"xx\n"}` })
}

func TestManyLargeMessages(t *testing.T) {
	c := newCrowd(t, 20)
	content := strings.Repeat("y", 16<<20-1<<10)
	c.all("file_write", func(i int) string { return `{"worktree":"lane","path":"f","content":"` + content + `"}` })
}

// A client that writes and does not read costs what was bounded; when it reads,
// nothing is missing.
func TestManyAnswersThatNobodyReads(t *testing.T) {
	s := newScratch(t)
	setUp := s.dial(false)
	for i := range 50 {
		s.must(setUp, "task_create", fmt.Sprintf(`{"subject":"%d %s"}`, i, strings.Repeat("s", 400)))
	}
	require.NoError(t, setUp.close())
	calls := 20_000
	if !*hasty {
		calls /= 10
	}
	c := &crowd{scratch: s, p: &peer{}, n: calls}
	out := c.deaf()
	written := make(chan error, 1)
	go func() { written <- c.writeAll() }()
	quiet := time.After(time.Second)
	if *hasty {
		quiet = time.After(20 * time.Second)
	}
	<-quiet
	before := c.peak()
	seen := map[string]bool{}
	for len(seen) < calls+1 {
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		var m struct{ ID json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		require.False(t, seen[string(m.ID)], "answered twice")
		seen[string(m.ID)] = true
	}
	require.NoError(t, <-written)
	t.Logf("%d calls: peak %d MB while nobody read, %d MB in all", calls, before, c.peak())
	if !raceEnabled(t) {
		require.Less(t, c.peak(), mostMemory)
	}
	require.NoError(t, c.p.stdin.Close())
	_, err := io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.NoError(t, c.p.cmd.Wait())
}

// deaf starts a server whose output nobody reads yet.
func (c *crowd) deaf() *bufio.Reader {
	c.t.Helper()
	cmd := exec.Command("wt-mcp")
	cmd.Dir, cmd.Env = c.dir, c.env
	stdin, err := cmd.StdinPipe()
	require.NoError(c.t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, cmd.Start())
	c.t.Cleanup(func() { _ = cmd.Process.Kill() })
	c.p.cmd, c.p.stdin = cmd, stdin
	return bufio.NewReaderSize(stdout, 1<<20)
}

func (c *crowd) writeAll() error {
	w := bufio.NewWriter(c.p.stdin)
	fmt.Fprintln(w, `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"`+legacyVersion+`","capabilities":{},"clientInfo":{"name":"deaf","version":"1"}}}`)
	for i := range c.n {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"task_list","arguments":{"limit":50}}}`+"\n", i)
	}
	return w.Flush()
}
