//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// plantings are what a command can put in place of a file of runs. All of them would
// lead to the canary, or keep whoever opens them waiting.
func plantings(canary string) map[string]func(path string) error {
	return map[string]func(path string) error{
		"symbolic link": func(path string) error { return os.Symlink(canary, path) },
		"hard link":     func(path string) error { return os.Link(canary, path) },
		"pipe":          func(path string) error { return unix.Mkfifo(path, 0o600) },
		"endless":       func(path string) error { return os.Symlink("/dev/zero", path) },
	}
}

// Whatever lies in place of the files of runs, no call hangs, nothing outside is
// read, written or made, and other runs go on.
func TestPlantedFilesOfRuns(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	canary := filepath.Join(filepath.Dir(s.dir), "canary")
	require.NoError(t, os.WriteFile(canary, []byte("secret words\n"), 0o600))
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	for how, plant := range plantings(canary) {
		id := s.lane(p, "echo out", "")["run_id"].(string)
		for _, suffix := range []string{".json", ".log", ".lock", ".stop", ".json.tmp", ".9.log"} {
			path := s.path(".git/wt-mcp/runs", id+suffix)
			_ = os.Remove(path)
			require.NoError(t, plant(path), how)
		}
		ports := s.path(".git/wt-mcp/ports.json.tmp")
		require.NoError(t, plant(ports), how)
		for _, call := range [][2]string{{"run_output", `{"run_id":"` + id + `"}`}, {"run_stop", `{"run_id":"` + id + `"}`},
			{"worktree_status", `{"name":"lane"}`}, {"worktree_list", `{}`}} {
			r, err := p.call(call[0], call[1])
			require.NoError(t, err, "%s %s", how, call)
			require.NotContains(t, r.text(), "secret words", "%s %s", how, call)
		}
		s.must(p, "worktree_create", `{"name":"next-`+how[:4]+`"}`)
		require.Equal(t, "next\n", s.must(p, "worktree_run", `{"name":"next-`+how[:4]+`","command":"echo next"}`)["output"])
		_ = os.Remove(ports)
	}
	require.Equal(t, "secret words\n", s.read("../canary"))
	require.NoError(t, p.close())
	require.Contains(t, s.wtmcp("worktrees"), "lane") // a new process settles and sweeps
}

// A directory of runs that leads elsewhere is not used.
func TestPlantedDirectoryOfRuns(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	elsewhere := filepath.Join(filepath.Dir(s.dir), "elsewhere")
	require.NoError(t, os.Mkdir(elsewhere, 0o700))
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	require.NoError(t, os.RemoveAll(s.path(".git/wt-mcp/runs")))
	require.NoError(t, os.Symlink(elsewhere, s.path(".git/wt-mcp/runs")))
	_, text := s.refused(p, "worktree_run", `{"name":"lane","command":"true"}`)
	require.Contains(t, text, "runs is a symbolic link")
	left, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, left)
}
