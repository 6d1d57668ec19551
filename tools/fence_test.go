package tools

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/tools/jail"
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
	at, commit, err := ann.claimed(t.Context(), "lane", "dir/note", state.Token{}, (*jail.Jail).Make)
	require.NoError(t, err)
	defer at.Close()
	m.pass(61 * time.Second)
	_, err = bob.TaskClaim(t.Context(), TaskClaimIn{TaskID: task.ID})
	require.NoError(t, err)
	requireCode(t, state.ClaimLost, at.replace([]byte("zombie"), 0o644, commit), "the last step")
	entries, err := os.ReadDir(w.Worktree.Path)
	require.NoError(t, err)
	for _, e := range entries {
		require.Contains(t, []string{".git", "README.md"}, e.Name(), "neither the file nor what was prepared")
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
