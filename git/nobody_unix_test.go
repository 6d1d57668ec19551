//go:build unix

package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// asNobody runs a test as a user whom permissions hold: root may read all. It is true
// for the one who may go on.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "wt-mcp-nobody-*")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chown(dir, nobody, nobody))
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "--- FAIL") {
		t.Skipf("cannot run as another user: %v\n%s", err, out)
	}
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// Invariant 12: what may not be read may have anything in it.
func TestInvariant12WhatMayNotBeReadIsNotClean(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	for name, make := range map[string]func(g *gittest.Repo, path string) (closed string){
		"an untracked directory": func(g *gittest.Repo, path string) string {
			g.Write(filepath.Join(path, "new/dir/work"), "only copy\n")
			require.NoError(t, os.Chmod(filepath.Join(path, "new/dir/work"), 0))
			return filepath.Join(path, "new", "dir")
		},
		"an ignored directory": func(g *gittest.Repo, path string) string {
			g.Write(".git/info/exclude", "vendor/\n")
			gittest.NewRepo(t, gittest.At(filepath.Join(path, "vendor", "own")))
			return filepath.Join(path, "vendor")
		},
	} {
		g, r, a := addOne(t)
		closed := make(g, a.Path)
		require.NoError(t, os.Chmod(closed, 0), name)
		status, err := r.Status(t.Context(), a.Path)
		require.NoError(t, err)
		require.False(t, name == "an untracked directory" && status.Clean())
		requireRefused(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}), ErrUnseen, "permission denied")
		_, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1"})
		require.ErrorIs(t, err, ErrUnseen)

		trash, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op2", Force: true})
		require.NoError(t, err)
		require.True(t, trash.Precious)
		require.False(t, trash.Snapshot.Plain)
		out, err := r.RestoreWorktree(t.Context(), Restore{Snapshot: "op2", Path: a.Path, Op: "op3"})
		require.NoError(t, err)
		require.True(t, out.FromTrash)
		require.NoError(t, os.Chmod(closed, 0o700))
		trash, err = r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op4", Force: true})
		require.NoError(t, err)
		require.NoError(t, r.EmptyTrash(t.Context(), trash))
	}
}

// What cannot be moved is told before it is tried, and nothing is left of a try.
func TestStuckWorktreeIsToldBefore(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	g, r, a := addOne(t)
	parent := filepath.Dir(a.Path)
	for _, dir := range []string{parent, a.Path} {
		require.NoError(t, os.Chmod(dir, 0o500))
		for _, force := range []bool{false, true} {
			requireRefused(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path, Force: force}), ErrUnmovable, dir)
			_, err := r.RemoveWorktree(t.Context(), Remove{Path: a.Path, Op: "op1", Force: force})
			require.ErrorIs(t, err, ErrUnmovable)
		}
		require.NoError(t, os.Chmod(dir, 0o700))
	}
	require.Empty(t, g.Git("for-each-ref", snapshotRefs))
	require.NoDirExists(t, filepath.Join(g.Dir, ".git", dirName, "trash"))
	require.NoError(t, r.CheckRemovable(t.Context(), Remove{Path: a.Path}))
}
