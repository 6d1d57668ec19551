package git

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Written by git 2.39.5.
func worktreeSamples() []string {
	oid := strings.Repeat("ab", 20)
	return []string{
		"worktree /r\x00HEAD " + oid + "\x00branch refs/heads/main\x00\x00",
		"worktree /r.git\x00bare\x00\x00worktree /a\x00HEAD " + strings.Repeat("cd", 32) + "\x00detached\x00\x00",
		"worktree /r\x00HEAD " + strings.Repeat("0", 40) + "\x00branch refs/heads/main\x00\x00",
		"worktree /r\x00HEAD " + oid + "\x00branch refs/heads/main\x00\x00worktree /a\nworktree b\x00HEAD " + oid + "\x00branch refs/heads/wt/a\x00locked wt-mcp:op\n1\x00prunable gitdir file points to non-existent location\x00\x00",
		"worktree /r\x00HEAD " + oid + "\x00branch refs/heads/main\x00locked\x00\x00",
	}
}

func TestParseWorktrees(t *testing.T) {
	t.Parallel()
	list, err := parseWorktrees([]byte(worktreeSamples()[3]))
	require.NoError(t, err)
	oid := strings.Repeat("ab", 20)
	require.Equal(t, []Worktree{
		{Path: "/r", Head: oid, Branch: "main"},
		{Path: "/a\nworktree b", Head: oid, Branch: "wt/a", Locked: true, LockReason: "wt-mcp:op\n1",
			Prunable: true, PrunableReason: "gitdir file points to non-existent location"},
	}, list)
	list, err = parseWorktrees([]byte(worktreeSamples()[1]))
	require.NoError(t, err)
	require.True(t, list[0].Bare && list[1].Detached)
	for _, bad := range []string{"worktree /r", "HEAD x\x00", "worktree /a\x00worktree /b\x00\x00", "worktree /a\x00HEAD"} {
		_, err := parseWorktrees([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
	list, err = parseWorktrees([]byte("worktree /r\x00from-the-future x\x00\x00"))
	require.NoError(t, err)
	require.Equal(t, []Worktree{{Path: "/r"}}, list)
}

// FuzzParseWorktrees: no input panics, and what is accepted has as many
// worktrees as records.
func FuzzParseWorktrees(f *testing.F) {
	for _, sample := range worktreeSamples() {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		list, err := parseWorktrees(out)
		if err != nil {
			require.Nil(t, list)
			return
		}
		records := 0
		for part := range strings.SplitSeq(string(out), "\x00") {
			if key, _, _ := strings.Cut(part, " "); key == "worktree" {
				records++
			}
		}
		require.Len(t, list, records)
		for _, w := range list {
			require.False(t, w.LockReason != "" && !w.Locked || w.PrunableReason != "" && !w.Prunable)
		}
	})
}

// Written by git 2.39.5.
func statusSamples() []string {
	a, z := strings.Repeat("ab", 20), strings.Repeat("0", 40)
	return []string{
		"# branch.oid (initial)\x00# branch.head main\x00",
		"# branch.oid " + a + "\x00# branch.head (detached)\x00? new\nfile\x00! ignored\x00",
		"# branch.oid " + a + "\x00# branch.head main\x00# branch.upstream origin/main\x00# branch.ab +? -?\x001 MM N... 100644 100644 100644 " + a + " " + a + " README.md\x00" +
			"1 .D N... 100644 100644 000000 " + a + " " + a + " a b\x001 A. N... 000000 100644 100644 " + z + " " + a + " new\x00",
		"2 R. N... 100644 100644 100644 " + a + " " + a + " R100 new name\x00old name\x00",
		"u UU N... 100644 100644 100644 100644 " + a + " " + a + " " + a + " both\x00",
		"1 .M SCMU 160000 160000 160000 " + a + " " + a + " sub\x00",
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	parse := func(i int) Status {
		s, err := parseStatus([]byte(statusSamples()[i]))
		require.NoError(t, err)
		return s
	}
	require.Equal(t, Status{Branch: "main"}, parse(0))
	require.Equal(t, Status{Head: strings.Repeat("ab", 20), Untracked: []string{"new\nfile"}, Ignored: []string{"ignored"}}, parse(1))
	require.Equal(t, []string{"README.md", "new"}, parse(2).Staged)
	require.Equal(t, []string{"README.md", "a b"}, parse(2).Modified)
	require.Equal(t, "origin/main", parse(2).Upstream)
	require.Equal(t, []string{"new name"}, parse(3).Staged)
	require.Equal(t, []string{"both"}, parse(4).Conflicted)
	require.Equal(t, []string{"sub"}, parse(5).Modified)
	for _, bad := range []string{"1", "x\x00", "\x00", "1 MM\x00", "? \x00", "2 R. N... 1 1 1 a b R100 new\x00", "1 M N... 1 1 1 a b c\x00"} {
		_, err := parseStatus([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

// FuzzParseStatus: no input panics, and no path is lost: every accepted entry of
// a change is in Changed.
func FuzzParseStatus(f *testing.F) {
	for _, sample := range statusSamples() {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		s, err := parseStatus(out)
		if err != nil {
			return
		}
		changed := s.Changed()
		for part := range strings.SplitSeq(string(out), "\x00") {
			if path, ok := strings.CutPrefix(part, "? "); ok && !strings.Contains(string(out), "2 ") {
				require.Contains(t, changed, path)
			}
		}
		require.NotContains(t, changed, "")
	})
}
