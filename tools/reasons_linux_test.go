package tools

import (
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
	"wt-mcp/state"
)

func kindsOf(all []Reason) []string {
	kinds := []string{}
	for _, r := range all {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// reasonsOf are those in the details of an error.
func reasonsOf(t *testing.T, err error) []Reason {
	t.Helper()
	var e *state.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Hint)
	reasons, ok := e.Details["reasons"].([]Reason)
	require.True(t, ok, "%+v", e.Details)
	return reasons
}

// Each reason is there at once, in worktree_status and in the refusal; force
// overrides all but who is at work.
func TestEveryReasonAtOnce(t *testing.T) {
	b, repo := newBoard(t)
	w, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane"})
	require.NoError(t, err)
	repo.Write(".git/info/exclude", ".worktrees/\n.tasks/\nvendor/\n")
	repo.GitIn(w.Path, "checkout", "-q", "--detach")
	repo.CommitIn(w.Path, "held by a detached HEAD only")
	repo.GitIn(w.Path, "bisect", "start")
	repo.Git("worktree", "lock", w.Path)
	repo.Write(filepath.Join(w.Path, "new"), "x")
	gittest.NewRepo(t, gittest.At(filepath.Join(w.Path, "vendor", "own")))
	shell := exec.Command("sh", "-c", "cd vendor && sleep 1000 & wait") // our own children do not count, theirs do
	shell.Dir, shell.SysProcAttr = w.Path, &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, shell.Start())
	ended := func() { _ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL); _ = shell.Wait() }
	t.Cleanup(ended)

	status, err := b.WorktreeStatus(t.Context(), WorktreeStatusIn{Name: "lane"})
	require.NoError(t, err)
	soft := []string{"locked", "operation", "dirty", "nested_repository", "detached_commits"}
	require.Equal(t, append([]string{"process"}, soft...), kindsOf(status.Reasons))
	require.False(t, status.Removable)
	_, err = b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane"})
	require.Equal(t, state.InUse, state.CodeOf(err))
	require.Equal(t, kindsOf(status.Reasons), kindsOf(reasonsOf(t, err)))
	_, err = b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane", Force: true})
	require.Equal(t, []string{"process"}, kindsOf(reasonsOf(t, err)))
	require.DirExists(t, w.Path)

	ended()
	_, err = b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane"})
	require.Equal(t, soft, kindsOf(reasonsOf(t, err)))
	_, err = b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane", Force: true})
	require.NoError(t, err)
	require.NoDirExists(t, w.Path)
}

func TestRefusalNamesTheFirstReason(t *testing.T) {
	require.NoError(t, refusal(nil))
	var e *state.Error
	require.True(t, errors.As(refusal([]Reason{{Code: state.Dirty, Detail: "one", Next: "do"}, {Code: state.InUse, Detail: "two", Next: "other"}}), &e))
	require.Equal(t, state.Dirty, e.Code)
	require.Equal(t, "one; also: two", e.Message)
	require.Equal(t, "do; worktree_status has the next call for each", e.Hint)
}
