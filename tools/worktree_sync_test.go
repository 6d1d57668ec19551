package tools

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
	"wt-mcp/state"
)

func commitIn(g *gittest.Repo, lane, name, content string) string {
	g.Write(".worktrees/"+lane+"/"+name, content)
	return g.CommitIn(".worktrees/"+lane, name)
}

// A worktree that was made from another one goes on where that landed by squash: the
// commits that landed are not picked again, though none of them is in the target.
func TestSyncSurvivesTheSquashOfItsParent(t *testing.T) {
	b, g := newBoard(t)
	g.Git("config", "user.name", "Somebody")
	g.Git("config", "user.email", "somebody@example.com")
	_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "below"})
	require.NoError(t, err)
	commitIn(g, "below", "shared", "first\n")
	_, err = b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "above", BaseRef: "wt/below"})
	require.NoError(t, err)
	commitIn(g, "above", "own", "own\n")
	head := commitIn(g, "below", "shared", "second\n")
	before := g.Head()
	g.Git("merge", "-q", "--squash", "wt/below")
	after := g.Commit("squashed")
	require.NoError(t, b.State.Update(t.Context(), func(tx *state.Tx) error {
		tx.PutLanding(state.Landing{ID: "20240101-000000-abcdef", Name: "below", Branch: "wt/below", Target: "refs/heads/main", Strategy: state.StrategySquash,
			Head: head, Before: before, After: after, Commits: 2})
		return nil
	}))
	out, err := b.WorktreeSync(t.Context(), WorktreeSyncIn{Name: "above"})
	require.NoError(t, err)
	require.Equal(t, "main", out.Onto)
	require.Equal(t, 1, out.Commits)
	require.Equal(t, "own", g.Git("log", "--format=%s", "main..wt/above"))
	require.Empty(t, g.GitIn(".worktrees/above", "status", "--porcelain"))

	back, err := b.WorktreeSync(t.Context(), WorktreeSyncIn{Name: "above", Onto: out.Kept})
	require.NoError(t, err)
	require.Equal(t, out.From, back.Head)
	_, err = b.WorktreeSync(t.Context(), WorktreeSyncIn{Name: "above"})
	require.NoError(t, err)
	require.Equal(t, "own", g.Git("log", "--format=%s", "main..wt/above"))
}
