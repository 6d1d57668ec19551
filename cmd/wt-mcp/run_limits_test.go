//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wtmcp runs a command of the program as its user would.
func (s *scratch) wtmcp(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("wt-mcp", args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "wt-mcp %v: %s", args, out)
	return string(out)
}

func TestRunRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	for _, tc := range []struct{ tool, args, code, says string }{
		{"worktree_run", `{"name":"lan","command":"true"}`, "not_found", "nearest: lane"},
		{"run_output", `{"run_id":"r-000000000-aaaaa"}`, "not_found", "worktree_status"},
		{"run_output", `{"run_id":"../../../etc/passwd"}`, "invalid_argument", "not the id of a run"},
		{"run_stop", `{"run_id":""}`, "invalid_argument", "not the id of a run"},
		{"run_output", `{"run_id":"r-000000000-aaaaa","offset":-1}`, "invalid_argument", "offset"},
		{"worktree_run", `{"name":"lane","command":"true","timeout_seconds":0}`, "invalid_argument", "timeout_seconds"},
		{"worktree_run", `{"name":"lane","command":"true","timeout_seconds":-1}`, "invalid_argument", "timeout_seconds"},
		{"worktree_run", `{"name":"lane","command":"true","timeout_seconds":31536000}`, "invalid_argument", "86400"},
		{"worktree_run", `{"name":"lane","command":"true","wait_seconds":-1}`, "invalid_argument", "wait_seconds"},
		{"worktree_run", `{"name":"lane","command":" \t\n"}`, "invalid_argument", "is empty"},
		{"worktree_run", `{"name":"lane","command":"` + strings.Repeat("x", 1<<20) + `"}`, "invalid_argument", "at most 131071"},
		{"worktree_run", `{"name":"lane","command":"true","env":{"LD_PRELOAD":"x"}}`, "invalid_argument", "LD_PRELOAD"},
		{"worktree_run", `{"name":"lane","command":"true","env":{"GIT_DIR":"x"}}`, "invalid_argument", "GIT_DIR"},
		{"worktree_run", `{"name":"lane","command":"true","env":{"WT_MCP_PORT_BASE":"1"}}`, "invalid_argument", "WT_MCP_PORT_BASE"},
	} {
		code, text := s.refused(p, tc.tool, tc.args)
		require.Equal(t, tc.code, code, text)
		require.Contains(t, text, tc.says)
	}
	require.NoError(t, p.close())
	runs, err := filepath.Glob(s.path(".git/wt-mcp/runs/r-*"))
	require.NoError(t, err)
	require.Empty(t, runs, "nothing is left of what was not started")
}

// 200 runs at once queue up; the queue is bounded in time for those who say so.
func TestManyRunsAtOnce(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	var answers []<-chan message
	for i := range 200 {
		_, answer, err := p.beginCall("worktree_run", fmt.Sprintf(`{"name":"lane","command":"echo %d"}`, i))
		require.NoError(t, err)
		answers = append(answers, answer)
	}
	for i, answer := range answers {
		r, err := p.callResult("worktree_run", "", answer)
		require.NoError(t, err)
		require.False(t, r.IsError, r.text())
		require.Contains(t, string(r.Structured), fmt.Sprintf(`"output":"%d\n"`, i))
	}
	for range 16 {
		s.lane(p, "sleep 100", `,"background":true`)
	}
	code, text := s.refused(p, "worktree_run", `{"name":"lane","command":"true","wait_seconds":0}`)
	require.Equal(t, "busy", code)
	require.Contains(t, text, "16 are going")
	s.stopAll(p, "lane")
	s.must(p, "worktree_remove", `{"name":"lane","force":true}`)
	require.NoError(t, p.close())
}

// Every live worktree has ten ports of its own, always the same.
func TestPortBlocks(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	peers := []*peer{s.dial(false), s.dial(true)}
	port := func(p *peer, name string) string {
		out := s.must(p, "worktree_run", fmt.Sprintf(`{"name":%q,"command":"echo $WT_MCP_PORT_BASE"}`, name))
		require.Regexp(t, `^[23]\d\d\d0\n$`, out["output"])
		return out["output"].(string)
	}
	owners := map[string]string{}
	for i := range 6 {
		name := fmt.Sprintf("lane-%d", i)
		s.must(peers[i%2], "worktree_create", fmt.Sprintf(`{"name":%q}`, name))
		got := port(peers[i%2], name)
		require.Empty(t, owners[got], "%s is of %s already", got, owners[got])
		owners[got] = name
		require.Equal(t, got, port(peers[(i+1)%2], name), "stable in every process")
	}
	s.must(peers[0], "worktree_remove", `{"name":"lane-3"}`)
	s.must(peers[0], "worktree_create", `{"name":"other"}`)
	s.must(peers[1], "worktree_create", `{"name":"lane-3"}`)
	require.NotEqual(t, port(peers[1], "other"), port(peers[0], "lane-3"))
	for _, name := range []string{"lane-0", "lane-5"} {
		require.Equal(t, name, owners[port(peers[0], name)])
	}
	for _, p := range peers {
		require.NoError(t, p.close())
	}
}

// The command gets what builds need, and no secret; what it did not get is told
// on request.
func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.env = append(s.env, "GITHUB_TOKEN=secret", "AWS_SECRET_ACCESS_KEY=secret", "LD_LIBRARY_PATH=/x", "GIT_INDEX_FILE=/x", "GOCACHE=/cache", "MINE_A=mine")
	p := s.dial(false)
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"name":"lane","task_id":1}`)
	out := s.lane(p, "env; ulimit -c", `,"env":{"MORE":"1"},"show_env":true`)
	text := out["output"].(string)
	for _, want := range []string{"CI=1\n", "TERM=dumb\n", "WT_MCP_WORKTREE=lane\n", "WT_MCP_TASK=1\n", "MORE=1\n", "GOCACHE=/cache\n", "HOME=", "PATH="} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "secret")
	require.NotContains(t, text, "LD_LIBRARY_PATH")
	require.NotContains(t, text, "GIT_INDEX_FILE")
	require.NotContains(t, text, "MINE_A")
	require.True(t, strings.HasSuffix(text, "\n0\n"), "no core dumps: %s", text)
	require.Subset(t, out["env_dropped"], []any{"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "LD_LIBRARY_PATH", "MINE_A"})
	require.NotContains(t, s.lane(p, "true", ""), "env_dropped")

	s.write("../home/config/wt-mcp/config.toml", "[env]\nallow = ['MINE_*', 'GITHUB_TOKEN']\ndeny = ['GOCACHE']\n")
	text = s.lane(p, "env", "")["output"].(string)
	require.Contains(t, text, "MINE_A=mine\n")
	require.Contains(t, text, "GITHUB_TOKEN=secret\n")
	require.NotContains(t, text, "GOCACHE")
	require.NoError(t, p.close())
}

// The repository's file narrows; the rest of it waits for the user's approval of
// that very content.
func TestRunConfiguration(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.env = append(s.env, "MINE=mine")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	file := "max_timeout_seconds = 60\ndefault_timeout_seconds = 0.2\n[env]\nallow = ['MINE']\n"
	s.write(".wt-mcp.toml", file)
	out := s.lane(p, "echo ${MINE-none}; sleep 100", "")
	require.Equal(t, "timed_out", out["status"], "a shorter default narrows")
	require.Equal(t, "none\n", out["output"])
	require.Contains(t, out["notes"].([]any)[0], "env.allow")
	_, text := s.refused(p, "worktree_run", `{"name":"lane","command":"true","timeout_seconds":61}`)
	require.Contains(t, text, "at most 60")

	printed := s.wtmcp("trust")
	require.Contains(t, printed, "approved")
	require.Contains(t, printed, "allow = ['MINE']")
	out = s.lane(p, "echo ${MINE-none}", `,"timeout_seconds":20`)
	require.Equal(t, "mine\n", out["output"])
	require.NotContains(t, out, "notes")

	s.write(".wt-mcp.toml", file+"# changed\n")
	require.Equal(t, "none\n", s.lane(p, "echo ${MINE-none}", `,"timeout_seconds":20`)["output"], "a changed file asks again")

	for content, says := range map[string]string{
		"max_timeout_seconds = 60\nno_such = 1\n": ".wt-mcp.toml:2: there is no setting \"no_such\"",
		"\n\nshell = \n":             ".wt-mcp.toml:3: ",
		"[env]\nallow = ['A=B']\n":   ".wt-mcp.toml:2: allow has",
		"max_timeout_seconds = -1\n": ".wt-mcp.toml:1: max_timeout_seconds is -1",
	} {
		s.write(".wt-mcp.toml", content)
		code, text := s.refused(p, "worktree_run", `{"name":"lane","command":"true"}`)
		require.Equal(t, "corrupt", code)
		require.Contains(t, text, says)
	}
	require.NoError(t, os.Remove(s.path(".wt-mcp.toml")))
	s.write("../home/config/wt-mcp/config.toml", "shell = '/bin/bash'\n[log]\nlimit_mb = 0.1\n")
	out = s.lane(p, "[[ a < b ]] && seq 100000", "")
	require.Equal(t, 0.0, out["exit_code"])
	logs, err := filepath.Glob(strings.TrimSuffix(out["log"].(string), ".log") + ".*.log")
	require.NoError(t, err)
	require.Len(t, logs, 4)
	require.NoError(t, p.close())
}
