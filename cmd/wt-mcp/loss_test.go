package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Invariant 7: removal with force destroys nothing. Whatever was in the worktree
// and not in a commit is under the path that the answer names, and commits that
// only the worktree could reach stay reachable.
func TestForcedRemovalDestroysNothing(t *testing.T) {
	eras(t, func(t *testing.T, modern bool) {
		s := newScratch(t)
		s.write(".gitignore", "*.ignored\ncache/\n")
		s.git("add", "-A")
		s.git("commit", "-q", "-m", "ignore")
		p := s.dial(modern)
		s.must(p, "worktree_create", `{"name":"lane"}`)
		files := map[string]string{
			"README.md": "changed\n", "staged.txt": "staged\n", "untracked.txt": "untracked\n", "deep/er/file": "deep\n",
			"secret.ignored": "ignored\n", "cache/blob": "also ignored\n", "name with\nline break": "odd\n",
		}
		for name, content := range files {
			s.write(filepath.Join(".worktrees/lane", name), content)
		}
		s.git("-C", ".worktrees/lane", "add", "staged.txt")
		require.NoError(t, os.Symlink("/nowhere", s.path(".worktrees/lane/dangling")))

		r, err := p.call("worktree_remove", `{"name":"lane"}`)
		require.NoError(t, err)
		require.True(t, r.IsError)
		out := s.must(p, "worktree_remove", `{"name":"lane","force":true}`)
		require.NoDirExists(t, s.path(".worktrees/lane"))
		trash, _ := out["trash"].(string)
		require.NotEmpty(t, trash, "the answer must say where the files are")
		require.True(t, filepath.IsAbs(trash), trash)
		for name, content := range files {
			data, err := os.ReadFile(filepath.Join(trash, name))
			require.NoError(t, err, "%q is lost", name)
			require.Equal(t, content, string(data), name)
		}
		target, err := os.Readlink(filepath.Join(trash, "dangling"))
		require.NoError(t, err)
		require.Equal(t, "/nowhere", target)
		require.NotContains(t, s.git("worktree", "list"), "lane")
		require.NoError(t, p.close())
	})
}

// Ignored files make no worktree dirty; they are no less somebody's work.
func TestPlainRemovalKeepsIgnoredFiles(t *testing.T) {
	s := newScratch(t)
	s.write(".gitignore", "*.ignored\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "ignore")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.write(".worktrees/lane/local.ignored", "settings\n")
	out := s.must(p, "worktree_remove", `{"name":"lane"}`)
	trash, _ := out["trash"].(string)
	require.NotEmpty(t, trash, "the answer must say where the ignored files are")
	data, err := os.ReadFile(filepath.Join(trash, "local.ignored"))
	require.NoError(t, err)
	require.Equal(t, "settings\n", string(data))
	require.NoError(t, p.close())
}

// A worktree with nothing of its own leaves no trash.
func TestCleanRemovalLeavesNoTrash(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	out := s.must(p, "worktree_remove", `{"name":"lane"}`)
	require.NotContains(t, out, "trash")
	require.NoError(t, p.close(), "the server waits for what it does behind an answer")
	left, err := filepath.Glob(s.path(".git/wt-mcp/trash/*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Commits that only a detached HEAD or the index can reach are work as well.
func TestRemovalKeepsCommitsReachable(t *testing.T) {
	for name, force := range map[string]string{"plain": `{"name":"lane"}`, "force": `{"name":"lane","force":true}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			s.git("-C", ".worktrees/lane", "commit", "-q", "--allow-empty", "-m", "on the branch")
			onBranch := s.head(".worktrees/lane")
			s.git("-C", ".worktrees/lane", "checkout", "-q", "--detach")
			s.git("-C", ".worktrees/lane", "commit", "-q", "--allow-empty", "-m", "on no branch")
			detached := s.head(".worktrees/lane")

			r, err := p.call("worktree_remove", force)
			require.NoError(t, err)
			if r.IsError { // refusing is a way to lose nothing
				require.DirExists(t, s.path(".worktrees/lane"))
			}
			require.NoError(t, p.close(), "what it does behind the answer comes to its end")
			for _, commit := range []string{onBranch, detached} {
				s.requireReachable(commit)
			}
		})
	}
}

func (s *scratch) head(dir string) string {
	s.t.Helper()
	return strings.TrimSpace(s.git("-C", dir, "rev-parse", "HEAD"))
}

// requireReachable says that some ref, or the HEAD of a worktree, leads to the commit.
func (s *scratch) requireReachable(commit string) {
	s.t.Helper()
	heads := []string{"rev-list", "--all"}
	for _, line := range strings.Split(s.git("worktree", "list", "--porcelain"), "\n") {
		if id, ok := strings.CutPrefix(line, "HEAD "); ok {
			heads = append(heads, id)
		}
	}
	require.Contains(s.t, s.git(heads...), commit, "the commit is lost")
}

// A branch of the user's is never deleted, a wt/ branch only where its commits
// are elsewhere.
func TestRemovalDeletesNoForeignBranch(t *testing.T) {
	s := newScratch(t)
	s.git("branch", "wt/by-hand")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane","branch":"wt/by-hand"}`)
	s.must(p, "worktree_remove", `{"name":"lane"}`)
	require.Contains(t, s.git("branch", "--list"), "wt/by-hand", "the board did not make this branch")
	require.NoError(t, p.close())
}
