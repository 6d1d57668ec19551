package tools

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/state/files"
)

// overlapEvents are those that the board has told of overlaps.
func overlapEvents(t *testing.T, b *Board) (names []state.EventName) {
	t.Helper()
	out, err := b.WorktreeEvents(t.Context(), WorktreeEventsIn{Event: string(state.WorktreeOverlap), Limit: 200})
	require.NoError(t, err)
	for _, e := range out.Events {
		names = append(names, e.Event)
	}
	return names
}

// besides opens the board of a repository once more, as another process would.
func besides(t *testing.T, repo *gittest.Repo) *Board {
	t.Helper()
	opened, err := git.Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	store := files.Open(files.Config{Root: opened.Root(), Private: filepath.Join(opened.CommonDir(), "wt-mcp"), NoSync: true})
	b := NewBoard(Parts{State: store, Git: opened, Log: slog.New(slog.DiscardHandler), Env: os.Environ()})
	t.Cleanup(b.Close)
	return b
}

// Each overlap is told once, whoever looks and how often; where nothing has changed, git
// merges nothing. Invariant 12: one of a worktree that cannot be looked at is not over.
func TestOverlapsAreToldOnce(t *testing.T) {
	b, repo := newBoard(t)
	for _, name := range []string{"a", "b"} {
		_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: name})
		require.NoError(t, err)
		path := filepath.Join(repo.Dir, ".worktrees", name, "new")
		repo.Write(path, name+"\n")
		old := time.Now().Add(-time.Minute)
		require.NoError(t, os.Chtimes(path, old, old))
	}
	other := besides(t, repo)
	var all sync.WaitGroup
	for _, board := range []*Board{b, other, b, other} {
		all.Go(func() {
			_, err := board.look(context.Background(), -1)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, []state.EventName{state.WorktreeOverlap}, overlapEvents(t, b))
	again, err := other.look(t.Context(), -1)
	require.NoError(t, err)
	require.Zero(t, again.merges)
	require.Len(t, again.Pairs, 1)

	away := filepath.Join(repo.Dir, "away")
	lane := filepath.Join(repo.Dir, ".worktrees", "b")
	require.NoError(t, os.Rename(lane, away))
	out, err := b.WorktreeConflicts(t.Context(), WorktreeConflictsIn{Name: "a"})
	require.NoError(t, err)
	if len(out.Unseen) == 0 { // the look before still served
		_, err = b.look(t.Context(), -1)
		require.NoError(t, err)
		out, err = b.WorktreeConflicts(t.Context(), WorktreeConflictsIn{Name: "a"})
		require.NoError(t, err)
	}
	require.Equal(t, "b", out.Unseen[0].Name)
	require.Contains(t, out.text(), "not all seen of b")
	require.Equal(t, []state.EventName{state.WorktreeOverlap}, overlapEvents(t, b))

	require.NoError(t, os.Rename(away, lane))
	require.NoError(t, os.Remove(filepath.Join(lane, "new")))
	_, err = other.look(t.Context(), -1)
	require.NoError(t, err)
	require.Equal(t, []state.EventName{state.WorktreeOverlap, state.WorktreeOverlapCleared}, overlapEvents(t, b))
}

// What a server does behind the calls: it looks where there are two worktrees, and rests
// the longer the longer nothing changes.
func TestWatchingRests(t *testing.T) {
	b, repo := newBoard(t)
	next, err := b.watchOnce(t.Context(), shortRest)
	require.NoError(t, err)
	require.Zero(t, next, "nobody has a worktree")
	for _, name := range []string{"a", "b"} {
		_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: name})
		require.NoError(t, err)
		repo.Write(filepath.Join(repo.Dir, ".worktrees", name, "new"), name+"\n")
	}
	next, err = b.watchOnce(t.Context(), shortRest)
	require.NoError(t, err)
	require.GreaterOrEqual(t, next, shortRest)
	require.Equal(t, []state.EventName{state.WorktreeOverlap}, overlapEvents(t, b))
}

// Invariant 11: where nothing may be written, what is there is said all the same.
func TestConflictsReadOnly(t *testing.T) {
	b, repo := newBoard(t)
	for _, name := range []string{"a", "b"} {
		_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: name})
		require.NoError(t, err)
		repo.Write(filepath.Join(repo.Dir, ".worktrees", name, "new"), name+"\n")
	}
	b.ReadOnly = true
	before := gittest.Tree(t, filepath.Join(repo.Dir, ".git"))
	out, err := b.WorktreeConflicts(t.Context(), WorktreeConflictsIn{})
	require.NoError(t, err)
	require.Len(t, out.Pairs, 1)
	require.Equal(t, before, gittest.Tree(t, filepath.Join(repo.Dir, ".git")))
}
