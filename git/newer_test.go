//go:build unix

package git

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// needs skips a test of what the git at hand cannot do. The tests take the git from
// PATH: .ci/run runs them with the newest that it can have as well.
func needs(t *testing.T, major, minor int) {
	t.Helper()
	out, err := gittest.NewRepo(t).Try("version")
	require.NoError(t, err)
	version, gotMajor, gotMinor := parseVersion(out)
	if gotMajor < major || gotMajor == major && gotMinor < minor {
		t.Skipf("git is %s, this needs %d.%d", version, major, minor)
	}
}

// git 2.48 and newer ties a worktree and its repository by relative paths where that
// is configured, so that both can be moved together. A restore keeps that.
func TestRestoreKeepsTheKindOfLinks(t *testing.T) {
	t.Parallel()
	needs(t, 2, 48)
	for name, alone := range map[string]bool{"trash": false, "snapshot": true} {
		for _, relative := range []string{"true", "false"} {
			t.Run(name+"/relative="+relative, func(t *testing.T) {
				t.Parallel()
				l := newLane(t)
				l.Git("config", "worktree.useRelativePaths", relative)
				b := newAdd(l.Repo, "b")
				require.NoError(t, l.r.AddWorktree(t.Context(), b))
				l.path = b.Path
				l.put("new", "n")
				admin, err := l.r.adminDir(b.Path)
				require.NoError(t, err)
				before := []string{l.text(filepath.Join(admin, "gitdir")), l.text(l.file(".git"))}
				require.Equal(t, relative == "false", filepath.IsAbs(before[0]), before[0])

				trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
				require.NoError(t, err)
				if alone {
					empty(t, l.r, trash)
				}
				_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Branch: "wt/b", Op: "op2"})
				require.NoError(t, err)
				require.Equal(t, before, []string{l.text(filepath.Join(admin, "gitdir")), l.text(l.file(".git"))})
				require.Equal(t, "?? new", l.in("status", "--porcelain"))
				require.Equal(t, l.path, l.Git("-C", l.path, "rev-parse", "--show-toplevel"))
			})
		}
	}
}

func (l *lane) text(name string) string {
	l.t.Helper()
	text, err := readSmall(name)
	l.ok(err)
	return text
}

// With a reftable HEAD of a worktree is no file.
func TestReftable(t *testing.T) {
	t.Parallel()
	needs(t, 2, 45)
	for name, alone := range map[string]bool{"trash": false, "snapshot": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t, gittest.Init("--ref-format=reftable"))
			l.put("new", "n")
			l.commit("more")
			l.put("dir/a.txt", "changed")
			before := l.picture()
			trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
			require.NoError(t, err)
			require.NoFileExists(t, l.path)
			if alone {
				empty(t, l.r, trash)
			}
			out, err := l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Branch: "wt/a", Op: "op2"})
			require.NoError(t, err)
			require.Equal(t, "wt/a", out.Branch)
			require.Equal(t, without(before, nil), without(l.picture(), nil))
		})
	}
}

// What git config prints of the two settings decides, whichever git is at hand.
func TestLinksRelative(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]bool{
		"":                                    false,
		"worktree.userelativepaths\ntrue\x00": false,
		"worktree.userelativepaths\ntrue\x00extensions.relativeworktrees\ntrue\x00":                                     true,
		"worktree.userelativepaths\ntrue\x00extensions.relativeworktrees\ntrue\x00worktree.userelativepaths\nfalse\x00": false,
		"worktree.userelativepaths\nfalse\x00extensions.relativeworktrees\ntrue\x00":                                    false,
	} {
		require.Equal(t, want, linksRelative([]byte(out)), "%q", out)
	}
	require.Equal(t, "../../../.worktrees/a/.git", link("/r/.git/worktrees/a", "/r/.worktrees/a/.git", true))
	require.Equal(t, "/r/.worktrees/a/.git", link("/r/.git/worktrees/a", "/r/.worktrees/a/.git", false))
}
