package git

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// lateWork is what a process that is in the directory does while it is waited for.
func lateWork(g *gittest.Repo) map[string]func(files string) {
	return map[string]func(files string){
		"a new file":     func(files string) { g.Write(filepath.Join(files, "late"), "late\n") },
		"a changed file": func(files string) { g.Write(filepath.Join(files, "README.md"), "late\n") },
		"a staged file": func(files string) {
			g.Write(filepath.Join(files, "late"), "late\n")
			g.GitIn(files, "add", "late")
		},
		"a commit": func(files string) { g.GitIn(files, "commit", "-q", "--allow-empty", "-m", "late") },
		"a ref of the worktree's own": func(files string) {
			late := g.GitIn(files, "commit-tree", "-m", "late", "HEAD^{tree}")
			g.GitIn(files, "update-ref", "refs/worktree/late", late)
		},
	}
}

// What is done while the caller's last question is asked is looked at, however
// quickly it was over.
func TestWorkOfTheLastMomentIsNotLost(t *testing.T) {
	t.Parallel()
	for name := range lateWork(nil) {
		for _, force := range []bool{false, true} {
			t.Run(map[bool]string{false: "", true: "forced, "}[force]+name, func(t *testing.T) {
				t.Parallel()
				g, r, a := addOne(t)
				g.GitIn(a.Path, "checkout", "-q", "--detach")
				var late string
				trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: force, Last: func(files string) error {
					lateWork(g)[name](files)
					late = g.GitIn(files, "rev-parse", "HEAD")
					if name == "a ref of the worktree's own" {
						late = g.GitIn(files, "rev-parse", "refs/worktree/late")
					}
					return nil
				}})
				if !force && name != "a ref of the worktree's own" {
					_, whole := Refusals(err)
					require.True(t, whole, "%v", err)
					require.Contains(t, g.GitIn(a.Path, "for-each-ref", "refs/worktree")+g.GitIn(a.Path, "rev-parse", "HEAD"), late)
					return
				}
				require.NoError(t, err)
				require.Contains(t, g.Git("rev-list", "--all"), late)
				require.NoError(t, r.EmptyTrash(t.Context(), Trash{Dir: trash.Dir, Precious: true}))
				_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: a.Path, Op: "op2"})
				require.NoError(t, err)
				switch name {
				case "a commit":
					require.Equal(t, late, g.GitIn(a.Path, "rev-parse", "HEAD"))
				case "a ref of the worktree's own":
					require.Equal(t, late, g.GitIn(a.Path, "rev-parse", "refs/worktree/late"))
				default:
					require.Contains(t, g.GitIn(a.Path, "status", "--porcelain"), map[string]string{"a changed file": "README.md"}[name])
					require.NotEmpty(t, g.GitIn(a.Path, "status", "--porcelain"))
				}
			})
		}
	}
}

// A file that was written by somebody who had it open, after the last look, stays
// with the whole trash.
func TestTrashThatIsWrittenToIsNotEmptied(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	open, err := os.OpenFile(filepath.Join(a.Path, "README.md"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	defer open.Close()
	trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
	require.NoError(t, err)
	require.False(t, trash.Precious)
	_, err = open.WriteString("late\n")
	require.NoError(t, err)
	require.NoError(t, r.EmptyTrash(t.Context(), trash))
	require.FileExists(t, filepath.Join(trash.Dir, "files", "README.md"))
	_, err = r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: a.Path, Op: "op2"})
	require.NoError(t, err)
	require.Contains(t, g.GitIn(a.Path, "status", "--porcelain"), "README.md")
}

// A call that ends amid the last look puts everything back, forced or not.
func TestEndOfTheCallAmidTheLastLookPutsBack(t *testing.T) {
	t.Parallel()
	g, r, a := addOne(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.RemoveWorktree(ctx, Remove{Path: a.Path, Op: "op1", Force: true, Last: func(files string) error {
		g.Write(filepath.Join(files, "late"), "late\n")
		cancel()
		return nil
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.FileExists(t, filepath.Join(a.Path, "late"))
	require.NotContains(t, g.Git("worktree", "list", "--porcelain"), "locked")
}
