//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// trees is every file below some directories with what is in it: a canary for
// whatever the file tools may touch.
func trees(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			all[path] = string(data)
			return err
		}))
	}
	return all
}

// laidOut is a worktree of a stranger's: links, other repositories and second names
// of files lead from it to git's own files, the board's and others.
func (s *scratch) laidOut(lane string) {
	s.t.Helper()
	in := func(name string) string { return filepath.Join(lane, filepath.FromSlash(name)) }
	require.NoError(s.t, os.MkdirAll(in("a"), 0o755))
	require.NoError(s.t, os.MkdirAll(in("sub"), 0o755))
	for name, target := range map[string]string{
		"self": ".", "up": "..", "upup": "../..", "dotgit": ".git", "winding": "a/../self/.git", "loop1": "loop2", "loop2": "loop1",
		"absolute": s.path(".git"), "config": "../../.git/config", "task": "../../.tasks/task_1.json",
		"dangling": "nowhere/new", "dangling-out": "../planted",
	} {
		require.NoError(s.t, os.Symlink(target, in(name)))
	}
	s.git("init", "-q", in("nested"))
	s.git("init", "-q", "--bare", in("bare"))
	require.NoError(s.t, os.WriteFile(in("sub/.git"), []byte("gitdir: ../bare\n"), 0o644))
	s.write(".git/modules/sub/config", "[core]\n")
	for name, target := range map[string]string{"hard": s.path(".git", "config"), "hard-head": s.path(".git", "worktrees", "lane", "HEAD"), "hard-dotgit": in(".git"),
		"hard-module": s.path(".git", "modules", "sub", "config")} {
		require.NoError(s.t, os.Link(target, in(name)))
	}
	require.NoError(s.t, syscall.Mkfifo(in("pipe"), 0o644))
}

// refusedPaths lead to what a worktree's file tools have no business with.
func (s *scratch) refusedPaths() []string {
	return []string{".git", "./.git", "a/../.git", "self/.git", "self/self/.git", "a/../self/a/../.git", "dotgit", "winding",
		".GIT", ".gIt", "self/.Git", "git~1", "GIT~1", ".git ", ".git.", ".git. .", ".git::$INDEX_ALLOCATION", ".git:x", ".g\u200cit", "\ufeff.git", "a\\.git", "a\\..\\.git",
		".git/x", "self/.git/config", "nested/.git", "nested/.git/config", "nested/.git/hooks/post-checkout", "nested/.GIT/hooks/new", "self/nested/self/../.git/config",
		"sub/.git", "sub/.git/config", "bare/config", "bare/hooks/post-checkout", "sub/../bare/HEAD", "new/.git", "new/.git/config", "new/.GIT/hooks/x",
		"up/index.json", "up/other/README.md", "up/lane/README.md", "upup/.git/config", "upup/README.md", "upup/.tasks/task_1.json", "absolute/config", "config", "task",
		"loop1", "loop1/x", "pipe", "dangling-out", "dangling", "hard-dotgit/x", "../other/README.md", "a/../../other/README.md", s.path("README.md"), s.path(".git/config")}
}

// Invariant 8: whatever links, spellings and repositories a worktree has in it, the
// file tools reach nothing of git's, nothing of the board's and nothing outside.
func TestFileToolsReachNothingOfGits(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_create", `{"name":"other"}`)
	s.must(p, "task_create", `{"subject":"one"}`)
	lane := s.path(".worktrees", "lane")
	s.laidOut(lane)
	watched := []string{s.path(".git"), s.path(".tasks"), s.path(".worktrees", "other"), filepath.Join(lane, "nested"), filepath.Join(lane, "bare"), filepath.Join(lane, "sub")}
	before := trees(t, watched...)
	dotgit, err := os.ReadFile(filepath.Join(lane, ".git"))
	require.NoError(t, err)

	for _, path := range s.refusedPaths() {
		s.refusesPath(p, path)
	}
	for _, path := range []string{"hard", "hard-head", "hard-dotgit", "hard-module"} {
		code, text := s.refused(p, "file_read", `{"worktree":"lane","path":"`+path+`"}`)
		require.Equal(t, "invalid_argument", code, text)
		require.Contains(t, text, "is git's own", path)
	}
	// what is replaced is the name in the worktree, never the file that it shares
	s.must(p, "file_write", `{"worktree":"lane","path":"hard","content":"mine"}`)

	after := trees(t, watched...)
	for path := range after {
		if strings.HasPrefix(path, s.path(".git", "wt-mcp")) { // the board's own, which goes on
			after[path] = before[path]
		}
	}
	for path, content := range before {
		require.Equal(t, content, after[path], path)
	}
	now, err := os.ReadFile(filepath.Join(lane, ".git"))
	require.NoError(t, err)
	require.Equal(t, dotgit, now)
	for _, made := range []string{"new", "nowhere", "a/.git", "nested/.GIT", "../planted"} {
		_, err := os.Lstat(filepath.Join(lane, made))
		require.ErrorIs(t, err, fs.ErrNotExist, "a refused call leaves nothing: %s", made)
	}
	require.NoError(t, p.close())
}

// refusesPath holds the three file tools to refusing a path, at once.
func (s *scratch) refusesPath(p *peer, path string) {
	s.t.Helper()
	for tool, args := range map[string]map[string]any{
		"file_read":  {},
		"file_write": {"content": "gitdir: /tmp/evil\n"},
		"file_edit":  {"old_text": "\n", "new_text": "\nevil\n"},
	} {
		args["worktree"], args["path"] = "lane", path
		began := time.Now()
		code, text := s.refused(p, tool, string(mustJSON(args)))
		require.Contains(s.t, []string{"invalid_argument", "not_found"}, code, "%s %s: %s", tool, path, text)
		require.Less(s.t, time.Since(began), 5*time.Second, "%s %s", tool, path)
	}
}

// What stays within the worktree is reached, links and other names included.
func TestFileToolsReachTheWorktree(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	s.must(p, "worktree_create", `{"name":"lane"}`)
	lane := s.path(".worktrees", "lane")
	require.NoError(t, os.MkdirAll(filepath.Join(lane, "deep", "er"), 0o755))
	for name, target := range map[string]string{"NOTES": "README.md", "deep/er/up": "../..", "self": "."} {
		require.NoError(t, os.Symlink(target, filepath.Join(lane, name)))
	}
	for _, path := range []string{"README.md", "./README.md", "deep/../README.md", "NOTES", "deep/er/up/README.md", "self/deep/er/up/NOTES", filepath.Join(lane, "README.md")} {
		args := string(mustJSON(map[string]any{"worktree": "lane", "path": path}))
		require.Equal(t, "readme\n", s.must(p, "file_read", args)["content"], path)
	}
	for _, path := range []string{".github/workflows/ci.yml", ".gitignore", ".gitattributes", "git", "a.git", "objects/refs/HEAD", "self/new/x", strings.Repeat("long", 63)} {
		args := string(mustJSON(map[string]any{"worktree": "lane", "path": path, "content": "x"}))
		require.Equal(t, true, s.must(p, "file_write", args)["created"], path)
	}
	s.must(p, "file_edit", `{"worktree":"lane","path":"NOTES","old_text":"readme","new_text":"edited"}`)
	data, err := os.ReadFile(filepath.Join(lane, "README.md"))
	require.NoError(t, err)
	require.Equal(t, "edited\n", string(data))
	require.NoError(t, p.close())
}

// While a directory is swapped for a link to elsewhere, again and again, nothing is
// written there and nothing of it is read.
func TestFileToolsAreNotLedAwayMeanwhile(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false, "--toolsets", "all")
	s.must(p, "worktree_create", `{"name":"lane"}`)
	lane := s.path(".worktrees", "lane")
	outside := filepath.Join(filepath.Dir(s.dir), "outside")
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "f"), []byte("secret"), 0o644))
	dir, aside := filepath.Join(lane, "d"), filepath.Join(lane, "aside")
	require.NoError(t, os.Mkdir(dir, 0o755))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(dir, aside)
			_ = os.Symlink(outside, dir)
			_ = os.Remove(dir)
			_ = os.Rename(aside, dir)
		}
	}()
	for range 150 {
		_, err := p.call("file_write", `{"worktree":"lane","path":"d/f","content":"mine"}`)
		require.NoError(t, err)
		r, err := p.call("file_read", `{"worktree":"lane","path":"d/f"}`)
		require.NoError(t, err)
		require.NotContains(t, r.text(), "secret")
	}
	close(stop)
	<-stopped
	require.Equal(t, map[string]string{filepath.Join(outside, "f"): "secret"}, trees(t, outside))
	require.NoError(t, p.close())
}
