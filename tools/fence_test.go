package tools

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
)

// A file call that stood still while its claim was lost changes nothing at its end.
func TestFileCallIsFencedAtItsLastStep(t *testing.T) {
	m, repo := newMachine(), gittest.NewRepo(t)
	ann, bob := m.connection(t, repo, "ann"), m.connection(t, repo, "bob")
	task := mustCreate(t, ann, "one")
	w, err := ann.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane", TaskID: task.ID})
	require.NoError(t, err)
	_, err = ann.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Status: state.Pending})
	require.NoError(t, err)
	_, err = ann.TaskClaim(t.Context(), TaskClaimIn{TaskID: task.ID, LeaseSeconds: 60})
	require.NoError(t, err)
	root, path, commit, err := ann.openClaimed(t.Context(), "lane", "note", state.Token{})
	require.NoError(t, err)
	defer root.Close()
	m.pass(61 * time.Second)
	_, err = bob.TaskClaim(t.Context(), TaskClaimIn{TaskID: task.ID})
	require.NoError(t, err)
	requireCode(t, state.ClaimLost, writeIn(root, path, []byte("zombie"), 0o644, commit), "the last step")
	entries, err := os.ReadDir(w.Worktree.Path)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), "note", "neither the file nor what was prepared")
	}
	_, err = bob.FileWrite(t.Context(), FileWriteIn{Worktree: "lane", Path: "note", Content: "bob's"})
	require.NoError(t, err)
}

// Notes are refused before a task's file becomes one that nobody reads any more.
func TestNotesLeaveATaskReadable(t *testing.T) {
	b, _ := newBoard(t)
	task := mustCreate(t, b, "one")
	note := strings.Repeat("\x01", maxText)
	added := 0
	for err := error(nil); err == nil; added++ {
		_, err = b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Note: note})
		if err != nil {
			requireCode(t, state.InvalidArgument, err, "the last note")
		}
	}
	require.Greater(t, added, 10)
	done, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: task.ID, Status: state.Completed})
	require.NoError(t, err)
	require.Equal(t, state.Completed, done.Status)
}

// A copy that a recovery has no time to finish is left to the next one.
func TestRecoveryGoesOnWhereItsTimeEnded(t *testing.T) {
	b, repo := newBoard(t)
	repo.Write(".gitignore", "cache/\n")
	repo.Write(".worktreeinclude", "cache/\n")
	repo.Commit("include")
	repo.Write("cache/one", "1\n")
	op, plan := deadCreation(t, b)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	requireCode(t, state.Busy, b.recoverCreate(late, op, plan), "no time is left")
	op.Close()
	require.NoError(t, b.Recover(t.Context()))
	require.FileExists(t, filepath.Join(plan.Path, "cache/one"))
	require.NoFileExists(t, filepath.Join(b.Git.CommonDir(), "worktrees/lane/locked"))
}

// deadCreation is one that died when the files were checked out.
func deadCreation(t *testing.T, b *Board) (*state.Operation, state.Intent) {
	t.Helper()
	op, err := b.State.NewOperation()
	require.NoError(t, err)
	plan, err := b.planCreate(WorktreeCreateIn{Name: "lane"})
	require.NoError(t, err)
	_, cause := b.resolve(t.Context(), WorktreeCreateIn{Name: "lane"}, &plan)
	require.NoError(t, b.reserve(t.Context(), op, &plan, state.Token{}, cause))
	require.NoError(t, b.Git.AddWorktree(t.Context(), addOf(plan, op)))
	locked := filepath.Join(b.Git.CommonDir(), "worktrees", "lane", "locked")
	require.NoError(t, os.WriteFile(locked, []byte(git.LockReason(plan.ID)), 0o644)) // as it was before the end
	return op, plan
}
