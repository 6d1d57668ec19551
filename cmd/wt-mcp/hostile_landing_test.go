//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// integrating has calls of each tool of the integrate set, in a repository where
// everything that git could run is planted.
var integrating = map[string][]string{
	"worktree_diff": {`{"name":"lane"}`, `{"name":"lane","what":"committed"}`, `{"name":"lane","what":"staged"}`, `{"name":"lane","what":"unstaged"}`,
		`{"name":"lane","what":"untracked"}`, `{"name":"lane","against":"behind"}`, `{"name":"behind","against":"target"}`},
	"worktree_conflicts": {`{}`, `{"name":"lane"}`},
	"worktree_commit":    {`{"name":"lane","message":"x"}`, `{"name":"lane","message":"x","paths":["new.txt"]}`},
	"worktree_merge": {`{"name":"lane","dry_run":true}`, `{"name":"behind","dry_run":true,"strategy":"rebase"}`, `{"name":"lane"}`, `{"name":"lane","strategy":"squash"}`,
		`{"name":"lane","strategy":"rebase"}`, `{"name":"behind","strategy":"ff"}`, `{"name":"lane","message":"all of it"}`},
	"worktree_sync":     {`{"name":"lane"}`, `{"name":"lane","strategy":"merge"}`, `{"name":"behind"}`, `{"name":"lane","on_conflict":"markers"}`},
	"worktree_adopt":    {`{"path":"%s/../foreign"}`},
	"worktree_prune":    {`{"older_than":"0s"}`},
	"worktree_snapshot": {`{"name":"lane"}`},
	"worktree_restore":  {`{"snapshot":"00000000000-000000000000"}`},
}

// Invariant 8: no tool of the integrate set runs what was written into the repository's
// configuration or attributes: no filter, merge driver, text conversion, external diff,
// fsmonitor, ssh, alias, pager, signing program or hook.
func TestIntegratingRunsNothingPlanted(t *testing.T) {
	t.Parallel()
	s, p := newTrapped(t)
	s.write(".worktrees/lane/new.txt", "untracked\n")
	s.write(".worktrees/behind/d.utf16", "changed\n")
	s.git("config", "commit.gpgsign", "true")
	s.git("config", "merge.renormalize", "true")
	offered := s.offered("integrate")
	require.Contains(t, offered, "worktree_diff")
	require.Contains(t, offered, "worktree_commit")
	for _, tool := range offered {
		require.Contains(t, integrating, tool, "say in the table how it is called")
		for _, args := range integrating[tool] {
			s.touch()
			r, err := p.call(tool, strings.ReplaceAll(args, "%s", s.dir))
			require.NoError(t, err)
			require.Empty(t, s.ran(), "%s %s: %s", tool, args, r.text())
			if tool == "worktree_diff" {
				require.False(t, r.IsError, "%s: %s", args, r.text())
			}
			if tool == "worktree_commit" {
				require.Contains(t, r.text(), "not approved", args)
			}
		}
	}
}

// offered lists the tools of a set.
func (s *scratch) offered(set string) []string {
	s.t.Helper()
	p := s.dial(false, "--toolsets", set)
	return slices.Sorted(maps.Keys(p.schemas))
}

// A commit runs what a git commit runs that its user types, and says so: hooks, from
// where the configuration has them, and what signs. Filters that nobody approved,
// fsmonitor and all else that is planted it does not run.
func TestCommitRunsHooksAndSigningAlone(t *testing.T) {
	t.Parallel()
	s, p := newTrapped(t)
	for _, name := range []string{".git/info/attributes", ".worktrees/lane/.gitattributes"} {
		require.NoError(t, os.Remove(s.path(name)))
	}
	s.write(".worktrees/lane/.gitattributes", "*.bin filter=process diff=evil merge=evil\n")
	s.touch()
	for i, paths := range []string{``, `,"paths":["a.txt"]`} {
		s.write(".worktrees/lane/a.txt", fmt.Sprintf("changed %d\n", i))
		out := s.must(p, "worktree_commit", `{"name":"lane","message":"hooks"`+paths+`}`)
		require.Equal(t, []any{"pre-commit", "post-commit", "reference-transaction", "post-index-change"}, out["hooks"])
		require.Equal(t, []string{"hook-post-commit", "hook-post-index-change", "hook-pre-commit", "hook-reference-transaction"}, s.ran())
	}
	s.git("config", "commit.gpgsign", "true")
	s.write("../gpg", "#!/bin/sh\n"+s.trap("signing")+" >/dev/null\n")
	require.NoError(t, os.Chmod(s.path("../gpg"), 0o755))
	s.git("config", "--file", ".git/worktrees/lane/config.worktree", "gpg.program", s.path("../gpg"))
	s.write(".worktrees/lane/a.txt", "signed\n")
	_, text := s.refused(p, "worktree_commit", `{"name":"lane","message":"signed"}`)
	require.Contains(t, text, "gpg failed to sign")
	ran := s.ran()
	require.Equal(t, []string{"hook-post-commit", "hook-post-index-change", "hook-pre-commit", "hook-reference-transaction", "signing"}, ran)
	s.write(".worktrees/lane/b.bin", "changed\n")
	_, text = s.refused(p, "worktree_commit", `{"name":"lane","message":"filtered"}`)
	require.Contains(t, text, "b.bin (filter process)")
	require.Equal(t, ran, s.ran())
}
