package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy of a worktree amid a rebase must not move the branch that the other one
// comes back to: its rebase ends with a detached HEAD.
func TestCopyAmidARebaseLeavesTheBranchAlone(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	g.Write(filepath.Join(a.Path, "one"), "1\n")
	g.GitIn(a.Path, "add", "-A")
	g.GitIn(a.Path, "commit", "-q", "-m", "one")
	g.Write(filepath.Join(a.Path, "two"), "2\n")
	g.GitIn(a.Path, "add", "-A")
	g.GitIn(a.Path, "commit", "-q", "-m", "two")
	g.GitIn(a.Path, "-c", "sequence.editor=sed -i 1s/pick/edit/", "rebase", "-q", "-i", "HEAD~2")
	_, err := r.TakeSnapshot(t.Context(), Capture{ID: "copied", Path: a.Path})
	require.NoError(t, err)
	path := filepath.Join(filepath.Dir(a.Path), "copy")
	back, err := r.RestoreWorktree(t.Context(), Restore{Snapshot: "copied", Path: path, Branch: "wt/copy", Op: "op-copy"})
	require.NoError(t, err)
	require.Len(t, back.Notes, 1)

	g.GitIn(a.Path, "rebase", "--continue")
	whole := g.GitIn(a.Path, "rev-parse", "HEAD")
	require.NoError(t, os.WriteFile(filepath.Join(path, "one"), []byte("other\n"), 0o644))
	g.GitIn(path, "commit", "-q", "-a", "--amend", "-m", "changed")
	g.GitIn(path, "-c", "core.editor=true", "rebase", "--continue")
	require.Equal(t, whole, g.GitIn(a.Path, "rev-parse", "HEAD"), "the branch of the other worktree")
	require.Equal(t, "HEAD", g.GitIn(path, "rev-parse", "--abbrev-ref", "HEAD"))
}
