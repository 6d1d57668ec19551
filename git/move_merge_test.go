//go:build unix

package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// mergeLane is a lane whose merge of main conflicts, and the move that leaves that there.
func mergeLane(t *testing.T) (g *gittest.Repo, r *Repo, m Move) {
	g = gittest.NewRepo(t)
	g.Git("config", "user.name", "Somebody")
	g.Git("config", "user.email", "somebody@example.com")
	g.Write("f", "base\n")
	g.Commit("base")
	g.Git("worktree", "add", "-q", "-b", "lane", "../lane")
	lane := filepath.Join(filepath.Dir(g.Dir), "lane")
	require.NoError(t, os.WriteFile(filepath.Join(lane, "f"), []byte("mine\n"), 0o644))
	g.Git("-C", lane, "commit", "-q", "-a", "-m", "mine")
	g.Write("f", "theirs\n")
	g.Write("more/file", strings.Repeat("more\n", 1000))
	theirs := g.Commit("theirs")
	r = mustOpen(t, g.Dir)
	ours := g.Git("rev-parse", "lane")
	done, err := r.PlanChain(t.Context(), Chain{Target: ours, Lanes: []Lane{{Head: theirs, Strategy: StrategyMerge, Message: func([]Commit) string { return "x" }}}})
	require.NoError(t, err)
	var c *Conflicts
	require.ErrorAs(t, done[0].Err, &c)
	commit, entries, err := r.KeepConflicts(t.Context(), c, ours, theirs)
	require.NoError(t, err)
	return g, r, Move{Ref: "refs/heads/lane", Old: ours, New: commit, Op: "20240101-000000-abcdef", Reason: "test", Only: lane, Since: time.Now(),
		Merging: &Merging{Theirs: theirs, Entries: entries, Message: "Merge main into lane"}}
}

// What is left is what git merge leaves: the same entries, the same files but for the
// names of the sides, and git merge --abort takes it back.
func TestMergeIsLeftAsGitLeavesIt(t *testing.T) {
	t.Parallel()
	g, r, m := mergeLane(t)
	_, err := r.Move(t.Context(), m)
	require.NoError(t, err)
	state := func() string {
		return g.Git("-C", m.Only, "ls-files", "--stage") + g.Git("-C", m.Only, "status", "--porcelain=v2") + g.Git("-C", m.Only, "rev-parse", "HEAD", "MERGE_HEAD")
	}
	ours := state()
	require.Contains(t, ours, "u UU")
	g.Git("-C", m.Only, "merge", "--abort")
	require.Empty(t, g.Git("-C", m.Only, "status", "--porcelain"))
	cmd := exec.Command("git", "merge", "-q", "main")
	cmd.Dir = m.Only
	require.Error(t, cmd.Run())
	require.Equal(t, state(), ours)
}

// Invariant 13. Killed at any instant, its recovery killed too, a merge that is left to be
// resolved is there as a whole, or the lane is as it was.
func TestKilledMergeIsWholeOrGone(t *testing.T) {
	t.Parallel()
	whole := 0
	for i := range 6 {
		g, r, m := mergeLane(t)
		k := &victim{movable: &movable{Repo: g, r: r, m: m}}
		k.wrap(t, "")
		for n := range 2 {
			cmd := k.start(t, n > 0)
			time.Sleep(time.Duration(40+i*30) * time.Millisecond)
			k.kill(cmd, true)
		}
		lock, err := r.LockTarget(t.Context(), m.Ref, m.Op)
		require.NoError(t, err)
		done, err := r.FinishMove(t.Context(), m)
		lock.Unlock()
		require.NoError(t, err)
		require.Empty(t, done.Left)
		status := g.Git("-C", m.Only, "status", "--porcelain")
		if done.Landed {
			whole++
			require.Equal(t, "UU f\nA  more/file", status)
			g.Git("-C", m.Only, "merge", "--abort")
		}
		require.Empty(t, g.Git("-C", m.Only, "status", "--porcelain"))
		require.NoFileExists(t, filepath.Join(g.Dir, ".git", "worktrees", "lane", "MERGE_MSG"))
		require.NoFileExists(t, filepath.Join(g.Dir, ".git", "worktrees", "lane", "index.lock"))
	}
	t.Logf("%d of 6 were whole", whole)
}
