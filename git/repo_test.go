package git

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func TestOpenFindsTheMainCheckout(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t)
	g.Write("sub/dir/file", "x")
	linked := filepath.Join(filepath.Dir(g.Dir), "linked")
	g.Git("worktree", "add", "-q", linked)
	require.NoError(t, os.Mkdir(filepath.Join(linked, "below"), 0o777))
	for _, dir := range []string{g.Dir, g.Dir + "/sub/dir", g.Dir + "/.git", g.Dir + "/.git/refs", linked, linked + "/below", g.Dir + "/.git/worktrees/linked"} {
		r := mustOpen(t, dir)
		require.Equal(t, g.Dir, r.Root(), dir)
		require.Equal(t, filepath.Join(g.Dir, ".git"), r.CommonDir(), dir)
		require.False(t, r.Bare(), dir)
	}
}

func TestOpenAnyPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", `quo"te's`, "zażółć ü", "line\nbreak", "-dash", "$(x)"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "\"\n") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r := newRepo(t, gittest.At(filepath.Join(gittest.TempDir(t), name)))
			require.Equal(t, g.Dir, r.Root())
			a := newAdd(g, "a")
			a.Path = filepath.Join(g.Dir, ".worktrees", name)
			require.NoError(t, r.AddWorktree(t.Context(), a))
			again := mustOpen(t, a.Path)
			require.Equal(t, []string{g.Dir, r.CommonDir()}, []string{again.Root(), again.CommonDir()})
			list, err := r.Worktrees(t.Context())
			require.NoError(t, err)
			require.Equal(t, a.Path, list[1].Path)
			require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
			requireUnregistered(t, r, a.Path)
		})
	}
}

func TestOpenBare(t *testing.T) {
	t.Parallel()
	for name, root := range map[string]string{"proj.git": "proj.git", ".bare": ".", ".git": "."} {
		t.Run(name, func(t *testing.T) {
			dir := gittest.TempDir(t)
			g := gittest.NewRepo(t, gittest.Bare(), gittest.At(filepath.Join(dir, name)))
			want := filepath.Join(dir, root)
			linked := filepath.Join(dir, "linked")
			g.Git("worktree", "add", "-q", "-b", "x", linked, "main")
			for _, from := range []string{g.Dir, linked} {
				r := mustOpen(t, from)
				require.Equal(t, want, r.Root(), from)
				require.Equal(t, g.Dir, r.CommonDir(), from)
				require.True(t, r.Bare(), from)
			}
			r := mustOpen(t, linked)
			a := Add{Path: filepath.Join(want, ".worktrees", "a"), Branch: "wt/a", Commit: g.Git("rev-parse", "main"), NewBranch: true, Op: "op1"}
			require.NoError(t, r.AddWorktree(t.Context(), a))
			made, err := r.BranchMadeBy(t.Context(), "wt/a", "op1") // core.logAllRefUpdates is off in a bare repository
			require.NoError(t, err)
			require.True(t, made)
			require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
		})
	}
}

func TestOpenBareByGitFile(t *testing.T) {
	t.Parallel()
	dir := gittest.TempDir(t)
	gittest.NewRepo(t, gittest.Bare(), gittest.At(filepath.Join(dir, ".bare")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: ./.bare\n"), 0o666))
	require.Equal(t, dir, mustOpen(t, dir).Root())
}

func TestOpenSeparateGitDir(t *testing.T) {
	t.Parallel()
	dir := gittest.TempDir(t)
	g := gittest.NewRepo(t, gittest.At(filepath.Join(dir, "work")), gittest.Init("--separate-git-dir="+filepath.Join(dir, "meta")))
	r := mustOpen(t, g.Dir)
	require.Equal(t, []string{g.Dir, filepath.Join(dir, "meta")}, []string{r.Root(), r.CommonDir()})

	a := newAdd(g, "a")
	require.NoError(t, r.AddWorktree(t.Context(), a))
	list, err := r.Worktrees(t.Context())
	require.NoError(t, err)
	require.Equal(t, g.Dir, list[0].Path)

	for _, from := range []string{a.Path, filepath.Join(dir, "meta")} {
		_, err = Open(t.Context(), from)
		require.ErrorIs(t, err, ErrNoMainCheckout)
		require.ErrorContains(t, err, "--repo")
	}
	g.Git("config", "core.worktree", g.Dir)
	require.Equal(t, g.Dir, mustOpen(t, a.Path).Root())
}

func TestOpenSubmodule(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t)
	lib := gittest.NewRepo(t)
	g.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.Dir, "lib")
	sub := filepath.Join(g.Dir, "lib")
	linked := filepath.Join(filepath.Dir(g.Dir), "linked")
	g.GitIn("lib", "worktree", "add", "-q", linked)
	for _, from := range []string{sub, linked, filepath.Join(g.Dir, ".git", "modules", "lib")} {
		r := mustOpen(t, from)
		require.Equal(t, []string{sub, filepath.Join(g.Dir, ".git", "modules", "lib")}, []string{r.Root(), r.CommonDir()}, from)
		list, err := r.Worktrees(t.Context())
		require.NoError(t, err)
		require.Equal(t, sub, list[0].Path)
	}
	_, err := mustOpen(t, sub).Status(t.Context(), sub)
	require.NoError(t, err)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := gittest.TempDir(t)
	_, err := Open(t.Context(), dir)
	require.ErrorIs(t, err, ErrNotRepository)
	require.ErrorContains(t, err, "not a git repository")
	_, err = Open(t.Context(), filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err = Open(t.Context(), file)
	require.ErrorIs(t, err, ErrNotRepository)
}

func TestOpenDubiousOwnership(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	g := gittest.NewRepo(t)
	for _, path := range []string{g.Dir, filepath.Join(g.Dir, ".git")} {
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Skip(err)
		}
	}
	_, err := Open(t.Context(), g.Dir)
	require.ErrorIs(t, err, ErrNotRepository)
	requireRefused(t, err, ErrOwner, "git config --global --add safe.directory "+g.Dir)
	_, err = OpenNamed(t.Context(), g.Dir)
	require.ErrorIs(t, err, ErrOwner, "to be named is not to be trusted")
}

func TestOpenExplicitBare(t *testing.T) {
	dir := gittest.TempDir(t)
	g := gittest.NewRepo(t, gittest.Bare(), gittest.At(filepath.Join(dir, "hub.git")))
	config := filepath.Join(dir, "config")
	require.NoError(t, os.WriteFile(config, []byte("[safe]\n\tbareRepository = explicit\n"), 0o666))
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	_, err := Open(t.Context(), g.Dir)
	require.ErrorIs(t, err, ErrImplicit)
	require.ErrorIs(t, err, ErrNotRepository)
	r, err := OpenNamed(t.Context(), g.Dir)
	require.NoError(t, err)
	require.Equal(t, g.Dir, r.Root())
	a := Add{Path: filepath.Join(g.Dir, ".worktrees", "a"), Branch: "wt/a", Commit: g.Git("rev-parse", "main"), NewBranch: true, Op: "op1"}
	require.NoError(t, r.AddWorktree(t.Context(), a))
	require.Equal(t, g.Dir, mustOpen(t, a.Path).Root(), "a worktree of it is no bare repository")
	require.NoError(t, removed(r, t.Context(), Remove{Path: a.Path}))
}

func TestInheritedEnvironmentHasNoSay(t *testing.T) {
	other := gittest.NewRepo(t)
	g := gittest.NewRepo(t)
	index := filepath.Join(gittest.TempDir(t), "index")
	for name, value := range map[string]string{
		"GIT_DIR": filepath.Join(other.Dir, ".git"), "GIT_WORK_TREE": other.Dir, "GIT_INDEX_FILE": index, "GIT_COMMON_DIR": other.Dir,
		"GIT_PREFIX": "x/", "GIT_NAMESPACE": "n", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "true",
		"GIT_CONFIG_PARAMETERS": "'core.bare=true'", "GIT_OBJECT_DIRECTORY": index, "LANGUAGE": "de", "LC_ALL": "de_DE.UTF-8",
	} {
		t.Setenv(name, value)
	}
	r := mustOpen(t, g.Dir)
	require.Equal(t, g.Dir, r.Root())
	require.NoError(t, r.AddWorktree(t.Context(), newAdd(g, "a")))
	status, err := r.Status(t.Context(), filepath.Join(g.Dir, ".worktrees", "a"))
	require.NoError(t, err)
	require.Empty(t, status.Changed())
	require.NoFileExists(t, index)
}

func TestCleanEnv(t *testing.T) {
	t.Parallel()
	env := cleanEnv([]string{"PATH=/bin", "GIT_DIR=x", "git_dir=y", "GIT_CONFIG_GLOBAL=/g", "LC_ALL=de", "LANGUAGE=de", "GIT_TRACE=1"})
	require.Equal(t, []string{"PATH=/bin", "GIT_CONFIG_GLOBAL=/g", "LC_ALL=C.UTF-8"}, env[:3])
	require.NotContains(t, strings.Join(env, "\n"), "GIT_TRACE")
	list := strings.Join([]string{"node_modules/.bin", "/bin", "", ".", "./bin", "/usr/bin"}, string(filepath.ListSeparator))
	want := strings.Join([]string{"/bin", "/usr/bin"}, string(filepath.ListSeparator))
	require.Equal(t, "PATH="+want, cleanEnv([]string{"PATH=" + list})[0], "a filter by name is none of the worktree's files")
}

func TestNoGit(t *testing.T) {
	g := gittest.NewRepo(t)
	t.Setenv("PATH", gittest.TempDir(t))
	_, err := Open(t.Context(), g.Dir)
	require.ErrorIs(t, err, ErrNoGit)
}

// fakeGit puts a shell script in the place of git.
func fakeGit(t *testing.T, script string) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(writeScript(t, script))+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func writeScript(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := filepath.Join(gittest.TempDir(t), "git")
	syscall.ForkLock.RLock() // a child forked now would hold the file open for writing: ETXTBSY
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o777))
	return path
}

func TestTooOld(t *testing.T) {
	version := `case "$*" in *" version") echo git version 2.30.1; exit;; esac` + "\n"
	for name, script := range map[string]string{
		"unknown option":    version + "exit 129",
		"fatal":             version + "echo fatal: unknown >&2; exit 128",
		"option is echoed":  version + "echo --path-format=absolute; echo .git",
		"and cannot even":   "exit 129",
		"without a version": "echo what; exit 129",
	} {
		t.Run(name, func(t *testing.T) {
			fakeGit(t, script)
			_, err := Open(t.Context(), gittest.TempDir(t))
			require.Error(t, err)
			if strings.HasPrefix(script, version) {
				require.ErrorIs(t, err, ErrTooOld)
				require.ErrorContains(t, err, "2.30.1")
				require.ErrorContains(t, err, "2.36")
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]int{"git version 2.39.5\n": {2, 39}, "git version 2.50.1 (Apple Git-155)": {2, 50},
		"git version 2.47.0.windows.1": {2, 47}, "git version 3.0.rc1": {3, 0}, "": {0, 0}, "git version x": {0, 0}} {
		_, major, minor := parseVersion(in)
		require.Equal(t, want, [2]int{major, minor}, in)
	}
	version, err := mustOpen(t, gittest.NewRepo(t).Dir).Version(context.Background())
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+`, version)
}

// What git tracks came with the repository if that met another one.
func TestBrought(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t)
	brought := func(dir string) []string {
		names, err := mustOpen(t, dir).Brought(t.Context(), ".tasks", ".worktrees")
		require.NoError(t, err)
		return names
	}
	g.Write(".tasks/task_1.json", "{}")
	g.Write(".worktrees/index.json", "{}")
	g.Git("add", "-f", ".tasks/task_1.json")
	g.Git("commit", "-q", "-m", "a board")
	require.Empty(t, brought(g.Dir), "committed here")
	clone := filepath.Join(t.TempDir(), "clone")
	g.Git("clone", "-q", g.Dir, clone)
	require.Equal(t, []string{".tasks/task_1.json"}, brought(clone))
	g.GitIn(clone, "remote", "remove", "origin")
	require.Equal(t, []string{".tasks/task_1.json"}, brought(clone), "the remote is forgotten")
	g.GitIn(clone, "rm", "-q", "--cached", ".tasks/task_1.json")
	require.Empty(t, brought(clone), "taken over")
}

// Who may use the repository's files git says.
func TestSharing(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t)
	require.False(t, mustOpen(t, g.Dir).Sharing().Shared())
	g.Git("config", "core.sharedRepository", "0640")
	require.EqualValues(t, 0o640, mustOpen(t, g.Dir).Sharing().Mode(0o600))
}
