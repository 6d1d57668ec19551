package sessions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newRepo makes a repository with an author and one commit.
func newRepo(t *testing.T) string {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	repo := filepath.Join(base, "shop")
	require.NoError(t, os.Mkdir(repo, 0o755))
	git(t, repo, "init", "-q", "--initial-branch=main")
	git(t, repo, "config", "user.name", "Test Author")
	git(t, repo, "config", "user.email", "author@example.com")
	require.NoError(t, os.WriteFile(filepath.Join(repo, "index.html"), []byte("<html>\n"), 0o644))
	git(t, repo, "add", "-A")
	git(t, repo, "commit", "-q", "-m", "Start")
	return repo
}

func git(t *testing.T, repo string, args ...string) string {
	t.Helper()
	return output(t, repo, "git", args...)
}

// wt is a command of the program under test.
func wt(t *testing.T, repo string, args ...string) string {
	t.Helper()
	return output(t, repo, *program, args...)
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}
