//go:build unix

package git

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// Wherever TMPDIR leads, a comparison that needs a temporary directory works, and
// nothing is left of it.
func TestScratchHasAPlace(t *testing.T) {
	g, r := newRepo(t)
	base := g.Head()
	g.Git("switch", "-q", "-c", "side")
	g.Write("a", "a\n")
	side := g.Commit("side")
	g.Git("switch", "-q", "main")
	g.Write("b", "b\n")
	ahead := g.Commit("ahead of " + base)
	require.NoError(t, os.Mkdir(filepath.Join(r.CommonDir(), dirName), 0o700))
	dir := gittest.TempDir(t)
	plain, open := filepath.Join(dir, "file"), filepath.Join(dir, "open")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, os.Chmod(open, 0o777))
	for name, place := range map[string]string{"usable": dir, "gone": filepath.Join(dir, "gone"), "a file": plain,
		"open to others": open, "in a working tree": g.Dir, "relative": "tmp", "not to be written": "/proc"} {
		t.Setenv("TMPDIR", place)
		s, err := r.git.scratch()
		require.NoError(t, err, name)
		want := filepath.Join(r.CommonDir(), dirName)
		if name == "usable" {
			want = dir
		}
		require.Equal(t, want, filepath.Dir(s.Dir), name)
		info, err := os.Stat(s.Dir)
		require.NoError(t, err)
		require.Equal(t, os.ModeDir|0o700, info.Mode())
		require.NoError(t, s.Close())
		require.NoDirExists(t, s.Dir)

		l, err := r.Landed(t.Context(), side, ahead)
		require.NoError(t, err, name)
		require.Equal(t, Landing{Commits: 1}, l)
		r.Close()
		require.Empty(t, scratches(t, want), name)
	}
}

func scratches(t *testing.T, place string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(place, scratchName+"*"))
	require.NoError(t, err)
	return found
}

func TestScratchWithoutAPlaceSaysWhatToSet(t *testing.T) {
	_, err := firstPlace(&program{}, func(string) (int, error) { return 0, errors.New("no space left on device") })
	require.ErrorIs(t, err, ErrNoScratch)
	require.ErrorContains(t, err, os.TempDir()+": no space left on device")
	require.ErrorContains(t, err, "set TMPDIR")
}

func TestSweepTakesWhatTheDeadLeft(t *testing.T) {
	_, r := newRepo(t)
	dir := gittest.TempDir(t)
	t.Setenv("TMPDIR", dir)
	holder := exec.Command(os.Args[0], "-test.run=^$")
	holder.Env = append(os.Environ(), helperScratch+"=1")
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	defer holder.Process.Kill()
	var held string
	_, err = fmt.Fscanln(out, &held)
	require.NoError(t, err)

	made := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"wt-mcp-objects-1", "wt-mcp-repository-1", "wt-mcp-objects-new", "wt-mcp-mine-1", "other"} {
		require.NoError(t, os.MkdirAll(made(name+"/below"), 0o700))
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"wt-mcp-objects-1", "wt-mcp-repository-1", "wt-mcp-mine-1", "other", filepath.Base(held)} {
		require.NoError(t, os.Chtimes(made(name), old, old))
	}
	require.NoError(t, os.WriteFile(made("wt-mcp-git-1"), nil, 0o600))
	require.NoError(t, os.Symlink("other", made("wt-mcp-git-link")))
	stay := []string{"wt-mcp-objects-new", "wt-mcp-mine-1", "other", "other/below", "wt-mcp-git-link"}
	if os.Geteuid() == 0 {
		require.NoError(t, os.Mkdir(made("wt-mcp-objects-of-another"), 0o700))
		require.NoError(t, os.Chtimes(made("wt-mcp-objects-of-another"), old, old))
		require.NoError(t, os.Chown(made("wt-mcp-objects-of-another"), 65534, 65534))
		stay = append(stay, "wt-mcp-objects-of-another")
	}

	r.SweepScratch(time.Now())
	require.DirExists(t, held, "its process lives, however old it is")
	for _, name := range stay {
		require.True(t, exists(made(name)), name)
	}
	for _, name := range []string{"wt-mcp-objects-1", "wt-mcp-repository-1", "wt-mcp-git-1"} {
		require.False(t, exists(made(name)), name)
	}

	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	r.SweepScratch(time.Now())
	require.NoDirExists(t, held, "its process died")
}
