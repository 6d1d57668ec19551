//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pipe in the place of a file that git reads ends a call soon, whose answer names
// the pipe; nothing of git's is left waiting.
func TestPipesHangNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ pipe, tool, args string }{
		{".worktrees/lane/.gitignore", "worktree_status", `{"name":"lane"}`},
		{".worktrees/lane/.gitattributes", "worktree_remove", `{"name":"lane"}`},
		{".worktrees/lane/a/b/c/.gitignore", "worktree_status", `{"name":"lane"}`},
		{".worktrees/lane/a/.gitignore", "worktree_snapshot", `{"name":"lane"}`},
		{".git/info/exclude", "worktree_status", `{"name":"lane"}`},
		{".git/info/attributes", "worktree_create", `{"name":"new"}`},
		{".git/packed-refs", "worktree_create", `{"name":"new"}`},
		{".git/HEAD", "worktree_prune", `{}`},
		{".git/config", "worktree_status", `{"name":"lane"}`},
		{".git/objects/info/alternates", "worktree_status", `{"name":"lane"}`},
		{".git/worktrees/lane/HEAD", "worktree_status", `{"name":"lane"}`},
		{".git/worktrees/lane/index", "worktree_status", `{"name":"lane"}`},
		{".git/worktrees/lane/commondir", "worktree_status", `{"name":"lane"}`},
		{".git/refs/heads/pipe", "worktree_prune", `{}`},
		{"../home/config/git/ignore", "worktree_status", `{"name":"lane"}`},
		{"../included", "worktree_create", `{"name":"new"}`},
	} {
		t.Run(strings.ReplaceAll(tc.pipe, "/", "_"), func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			s.git("config", "include.path", "../../included") // there is none but in one case
			s.pipe(tc.pipe)
			s.pipe(".git/wt-mcp/trash/kept/files/pipe") // git opens nothing of the trash, so it is not to blame
			began := time.Now()
			r, err := p.call(tc.tool, tc.args)
			require.NoError(t, err)
			require.Contains(t, r.text(), s.path(tc.pipe)+" is no regular file")
			require.Less(t, time.Since(began), 20*time.Second)
			require.Empty(t, s.gitsLeft())
		})
	}
}

// An object that is a pipe is named too, also to a call that changes something.
func TestPipeForAnObjectIsNamed(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	tree := strings.TrimSpace(s.git("rev-parse", "HEAD^{tree}"))
	object := ".git/objects/" + tree[:2] + "/" + tree[2:]
	s.pipe(object)
	began := time.Now()
	r, err := p.call("worktree_create", `{"name":"new"}`)
	require.NoError(t, err)
	require.Contains(t, r.text(), s.path(object)+" is no regular file")
	require.Less(t, time.Since(began), 20*time.Second)
	require.Empty(t, s.gitsLeft())
}

// A file that git reads in whole and that is larger than such files are, be it a
// hole, is named before git has read it.
func TestHugeFilesOfGitAreNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ file, tool, args string }{
		{".worktrees/lane/a/.gitignore", "worktree_status", `{"name":"lane"}`},
		{".git/packed-refs", "worktree_create", `{"name":"new"}`},
		{".git/worktrees/lane/HEAD", "worktree_status", `{"name":"lane"}`},
		{".git/refs/heads/wt/lane", "worktree_status", `{"name":"lane"}`},
		{".git/objects/info/alternates", "worktree_snapshot", `{"name":"lane"}`},
	} {
		t.Run(strings.ReplaceAll(tc.file, "/", "_"), func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			s.write(tc.file, "")
			require.NoError(t, os.Truncate(s.path(tc.file), 20<<30))
			began := time.Now()
			r, err := p.call(tc.tool, tc.args)
			require.NoError(t, err)
			require.Contains(t, r.text(), s.path(tc.file)+" has 21474836480 bytes")
			require.Less(t, time.Since(began), 20*time.Second)
			require.Empty(t, s.gitsLeft())
		})
	}
}

// pipe puts a pipe in the place of a file.
func (s *scratch) pipe(name string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	require.NoError(s.t, os.RemoveAll(s.path(name)))
	require.NoError(s.t, syscall.Mkfifo(s.path(name), 0o644))
}

// gitsLeft lists the processes of git that work in the test's directories.
func (s *scratch) gitsLeft() (found []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, name := range names {
		dir, err := os.Readlink(name)
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "comm"))
		if err == nil && strings.HasPrefix(dir, s.dir) && strings.HasPrefix(string(command), "git") {
			found = append(found, dir)
		}
	}
	return found
}

// A server that is started beside a pipe, and a command, say so too; a signal ends
// them at once.
func TestPipesHangNoStart(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.git("config", "include.path", "../../included")
	s.pipe("../included")
	out, err := s.command("doctor").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), s.path("../included")+" is no regular file")

	cmd := s.command("call", "task_list", "{}")
	require.NoError(t, cmd.Start())
	time.Sleep(500 * time.Millisecond)
	began := time.Now()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	require.Less(t, time.Since(began), 10*time.Second)
	require.Empty(t, s.gitsLeft())
}
