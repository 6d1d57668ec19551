package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// trial is a repository with a checkout that was taken in it.
func trial(t *testing.T, options ...gittest.Option) (*gittest.Repo, *Repo, *Checkout) {
	t.Helper()
	repo := gittest.NewRepo(t, options...)
	r, err := Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	c, err := r.TakeCheckout(filepath.Join(repo.Dir, ".worktrees"), nil)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return repo, r, c
}

// in runs the user's git in a checkout.
func in(t *testing.T, c *Checkout, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = c.Path
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".git" {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

func TestCheckoutIsTheCommitWhateverWasDoneToIt(t *testing.T) {
	t.Parallel()
	repo, _, c := trial(t)
	repo.Write(".gitignore", "out/\n")
	repo.Write("dir/file", "one\n")
	repo.Write("same", "same\n")
	one := repo.Commit("one")
	repo.Write("dir/file", "two\n")
	repo.Write(".gitignore", "other/\n")
	repo.Write("new", "new\n")
	two := repo.Commit("two")
	files := func(more ...string) []string { return append([]string{".gitignore", "README.md"}, more...) }

	require.NoError(t, c.Lay(t.Context(), one, false))
	require.Equal(t, files("dir/file", "same"), filesBelow(t, c.Path))
	require.Empty(t, in(t, c, "status", "--porcelain"))
	require.Equal(t, one, in(t, c, "rev-parse", "HEAD"))

	spoil := func() {
		for name, content := range map[string]string{"out/built": "x", "stray": "x", "same": "spam\n", "sub/deep/stray": "x"} {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(c.Path, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(c.Path, name), []byte(content), 0o644))
		}
		require.NoError(t, os.RemoveAll(filepath.Join(c.Path, "dir")))
		require.NoError(t, os.Symlink("/", filepath.Join(c.Path, "dir")))
		in(t, c, "update-index", "--assume-unchanged", "same")
		in(t, c, "init", "-q", "nested")
		in(t, c, "branch", "stray")
	}
	spoil()
	require.NoError(t, c.Lay(t.Context(), one, false))
	require.Equal(t, files("dir/file", "out/built", "same"), filesBelow(t, c.Path), "what the commit ignores stays")
	content, err := os.ReadFile(filepath.Join(c.Path, "same"))
	require.NoError(t, err)
	require.Equal(t, "same\n", string(content))
	require.Empty(t, in(t, c, "branch", "--list", "stray"))

	spoil()
	require.NoError(t, c.Lay(t.Context(), two, false))
	require.Equal(t, files("dir/file", "new", "same"), filesBelow(t, c.Path), "out is ignored no more")

	require.NoError(t, os.MkdirAll(filepath.Join(c.Path, "other"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.Path, "other", "built"), nil, 0o644))
	require.NoError(t, c.Lay(t.Context(), two, true))
	require.Equal(t, files("dir/file", "new", "same"), filesBelow(t, c.Path), "fresh")
}

// The repository of the checkout is its own: nothing that a command does to git there
// reaches the user's, and git's list of worktrees does not have it.
func TestCheckoutIsApart(t *testing.T) {
	t.Parallel()
	repo, _, c := trial(t)
	head := repo.Git("rev-parse", "HEAD")
	require.NoError(t, c.Lay(t.Context(), head, false))
	before := repo.Git("for-each-ref") + repo.Git("config", "--local", "--list")
	in(t, c, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "stray")
	in(t, c, "config", "core.hooksPath", "hooks")
	in(t, c, "tag", "stray")
	require.Equal(t, before, repo.Git("for-each-ref")+repo.Git("config", "--local", "--list"))
	require.NotContains(t, repo.Git("worktree", "list"), checkoutsDir)
	require.NoError(t, c.Lay(t.Context(), head, false))
	require.Equal(t, head, in(t, c, "rev-parse", "HEAD"))
	require.Empty(t, in(t, c, "for-each-ref"))
}

// A checkout that a kill left midway, or that nobody can build upon, begins anew.
func TestCheckoutAfterAKill(t *testing.T) {
	t.Parallel()
	repo, _, c := trial(t)
	repo.Write(".gitignore", "out/\n")
	head := repo.Commit("one")
	require.NoError(t, c.Lay(t.Context(), head, false))
	left := filepath.Join(c.Path, "out", "half")
	for name, spoil := range map[string]func() error{
		"midway": func() error { return os.WriteFile(c.private(midway), nil, 0o600) },
		"index lock": func() error {
			return errors.Join(os.WriteFile(c.private("index.lock"), nil, 0o600), os.WriteFile(c.private(midway), nil, 0o600))
		},
		"broken index": func() error { return os.WriteFile(c.private("index"), []byte("DIRC broken"), 0o600) },
		"no index": func() error {
			return errors.Join(os.Remove(c.private("index")), os.WriteFile(c.private(midway), nil, 0o600))
		},
		"no files": func() error { return os.RemoveAll(c.Path) },
		"all gone": func() error { return errors.Join(os.RemoveAll(c.private("")), os.RemoveAll(c.Path)) },
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o755))
		require.NoError(t, os.WriteFile(left, []byte("half"), 0o644))
		require.NoError(t, spoil())
		require.NoError(t, c.Lay(t.Context(), head, false), name)
		require.Equal(t, []string{".gitignore", "README.md"}, filesBelow(t, c.Path), name)
		require.Empty(t, in(t, c, "status", "--porcelain"), name)
	}
}

// A link in its place leads nowhere.
func TestCheckoutFollowsNoLink(t *testing.T) {
	t.Parallel()
	repo, _, c := trial(t)
	head := repo.Git("rev-parse", "HEAD")
	precious := gittest.TempDir(t)
	require.NoError(t, os.WriteFile(filepath.Join(precious, "precious"), []byte("mine"), 0o644))
	for _, dir := range []string{c.Path, filepath.Dir(c.Path), filepath.Dir(filepath.Dir(c.Path))} {
		require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o755))
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.Symlink(precious, dir))
		_ = c.Lay(t.Context(), head, true)
		require.Equal(t, []string{"precious"}, filesBelow(t, precious))
		require.NoFileExists(t, filepath.Join(precious, ".git"))
		require.NoError(t, os.RemoveAll(dir))
	}
}

func TestCheckoutsAreTakenByOneEach(t *testing.T) {
	t.Parallel()
	repo, r, c := trial(t)
	beside := filepath.Join(repo.Dir, ".worktrees")
	require.NoError(t, c.Note("r-1"))
	second, err := r.TakeCheckout(beside, nil)
	require.NoError(t, err)
	require.NotEqual(t, c.Path, second.Path)
	second.Close()
	c.Close()
	refused, err := r.TakeCheckout(beside, func(c *Checkout) bool { return c.Noted() != "r-1" })
	require.NoError(t, err)
	require.Equal(t, second.Path, refused.Path, "the first is refused")
	refused.Close()
}

func TestCheckoutOfOtherRepositories(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]gittest.Option{"sha256": gittest.SHA256(), "bare": gittest.Bare()} {
		repo, _, c := trial(t, option)
		head := repo.Git("rev-parse", "main")
		require.NoError(t, c.Lay(t.Context(), head, false), name)
		require.Equal(t, head, in(t, c, "rev-parse", "HEAD"), name)
	}
}
