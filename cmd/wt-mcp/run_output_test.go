//go:build linux

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var bigOutput = flag.Int64("output", 200_000_000, "bytes that the run of TestMemoryOfABigOutput writes; 1000000000 for the whole of it")

func (s *scratch) lane(p *peer, command, more string) map[string]any {
	s.t.Helper()
	return s.must(p, "worktree_run", `{"name":"lane","command":`+string(mustJSON(command))+more+`}`)
}

// peak is the most memory that a process has had, in MB.
func peak(t *testing.T, pid string) float64 {
	t.Helper()
	data, err := os.ReadFile("/proc/" + pid + "/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			require.NoError(t, err)
			return float64(kb) / 1024
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestLatencyOfARun asks through the real door what a run costs over the same
// command without us, turn by turn. The target is 4 ms (see the log, -v); what
// fails is ten times that, for the machine may be busy.
func TestLatencyOfARun(t *testing.T) {
	const turns = 60
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	var bare, call, run []time.Duration
	timed := func(to *[]time.Duration, do func() error) {
		began := time.Now()
		require.NoError(t, do())
		*to = append(*to, time.Since(began))
	}
	for range turns {
		timed(&bare, exec.Command("/bin/sh", "-c", "--", "true").Run)
		timed(&call, func() error { _, err := p.call("task_list", `{}`); return err })
		timed(&run, func() error { _, err := p.call("worktree_run", `{"name":"lane","command":"true"}`); return err })
	}
	require.NoError(t, p.close())
	for _, times := range [][]time.Duration{bare, call, run} {
		slices.Sort(times)
	}
	added := run[turns/2] - bare[turns/2]
	t.Logf("median of %d: fork+exec %v, a call that runs nothing %v, worktree_run %v: it adds %v (p90 %v)", turns,
		bare[turns/2], call[turns/2], run[turns/2], added, run[turns*9/10]-bare[turns*9/10])
	if !raceEnabled(t) {
		require.Less(t, added, 40*time.Millisecond)
	}
}

// Memory and disk do not grow with the output.
func TestMemoryOfABigOutput(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	command := fmt.Sprintf("echo $PPID; yes 'some words of output that is not short' | head -c %d; echo; echo the end", *bigOutput)
	began := time.Now()
	out := s.lane(p, command, `,"wait_seconds":300`)
	took := time.Since(began)
	text := out["output"].(string)
	supervisor, _, _ := strings.Cut(text, "\n")
	require.Greater(t, out["output_bytes"], float64(*bigOutput))
	require.True(t, strings.HasSuffix(text, "\nthe end\n"), "the end is there")
	server, keeper := peak(t, strconv.Itoa(p.cmd.Process.Pid)), peak(t, supervisor)
	t.Logf("%d bytes in %v: peak RSS %.1f MB of the server, %.1f MB of the supervisor", *bigOutput, took.Round(time.Millisecond), server, keeper)
	if !raceEnabled(t) {
		require.Less(t, server, 50.0)
		require.Less(t, keeper, 50.0)
	}
	files, err := filepath.Glob(s.path(".git/wt-mcp/runs/*.log"))
	require.NoError(t, err)
	var disk int64
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		disk += info.Size()
	}
	require.LessOrEqual(t, disk, int64(64<<20))
	page := s.must(p, "run_output", fmt.Sprintf(`{"run_id":%q,"offset":%d}`, out["run_id"], 40<<20))
	require.Positive(t, page["skipped_bytes"], "what the log dropped is said")
	require.NoError(t, p.close())
}

// raceEnabled reports whether the program has the race detector, which multiplies memory.
func raceEnabled(t *testing.T) bool {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	require.True(t, ok)
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// A command that takes longer than the call waits goes on, and its output is
// read by offsets, here and elsewhere.
func TestRunOutputFollows(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p, other := s.dial(modern), s.dial(!modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		out := s.lane(p, "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done; exit 7", `,"wait_seconds":0.1`)
		require.Equal(t, "running", out["status"])
		require.NotContains(t, out, "exit_code")
		text, offset := out["output"].(string), out["next_offset"].(float64)
		for i := 0; ; i++ {
			reader := []*peer{p, other}[i%2]
			page := s.must(reader, "run_output", fmt.Sprintf(`{"run_id":%q,"offset":%.0f,"wait_seconds":20}`, out["run_id"], offset))
			text, offset = text+page["output"].(string), page["next_offset"].(float64)
			if page["status"] != "running" && offset == page["output_bytes"] {
				require.Equal(t, "exited", page["status"])
				require.Equal(t, 7.0, page["exit_code"])
				break
			}
		}
		require.Equal(t, "line 1\nline 2\nline 3\nline 4\nline 5\n", text)
		data, err := os.ReadFile(out["log"].(string))
		require.NoError(t, err)
		require.Equal(t, text, string(data))
		require.NoError(t, p.close())
		require.NoError(t, other.close())
	})
}

// Progress has the last line, comes no more often than once a second, and
// never after the result.
func TestRunTellsProgress(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		params := map[string]any{"name": "worktree_run", "arguments": json.RawMessage(`{"name":"lane","command":"for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo step $i; sleep 0.2; done"}`)}
		meta := map[string]any{}
		if modern {
			meta = p.modernMeta()
		}
		meta["progressToken"] = "tok"
		line := mustJSON(map[string]any{"jsonrpc": "2.0", "id": "p1", "method": "tools/call", "params": with(params, "_meta", meta)})
		answer := p.expect(`"p1"`)
		require.NoError(t, p.write(line))
		_, err := p.callResult("worktree_run", "", answer)
		require.NoError(t, err)
		p.mu.Lock()
		notes := len(p.notes)
		p.mu.Unlock()
		require.GreaterOrEqual(t, notes, 2)
		require.LessOrEqual(t, notes, 4)
		time.Sleep(400 * time.Millisecond)
		p.mu.Lock()
		defer func() { p.mu.Unlock(); require.NoError(t, p.close()) }()
		require.Len(t, p.notes, notes, "progress after the result")
		last, least := 0.0, 0.2 // the first comes soon
		for _, n := range p.notes {
			var note struct {
				ProgressToken, Message string
				Progress               float64
			}
			require.Equal(t, "notifications/progress", n.Method)
			require.NoError(t, json.Unmarshal(n.Params, &note))
			require.Equal(t, "tok", note.ProgressToken)
			require.Contains(t, note.Message, "step ")
			require.GreaterOrEqual(t, note.Progress-last, least)
			least = 0.8
			last = note.Progress
		}
	})
}

func with(m map[string]any, key string, value any) map[string]any {
	m[key] = value
	return m
}
