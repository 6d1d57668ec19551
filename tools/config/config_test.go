package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func filesOf(t *testing.T, user, repository string) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{filepath.Join(dir, "config.toml"), filepath.Join(dir, RepositoryFile), filepath.Join(dir, "state", "approved")}
	for name, text := range map[string]string{f.User: user, f.Repository: repository} {
		if text != "" {
			require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
		}
	}
	return f
}

func load(t *testing.T, f Files) Settings {
	t.Helper()
	s, err := f.Load()
	require.NoError(t, err)
	return s
}

func TestNoFiles(t *testing.T) {
	require.Equal(t, Defaults(), load(t, filesOf(t, "", "")))
	require.Equal(t, Defaults(), load(t, Files{}))
}

const wide = `
default_timeout_seconds = 1000
max_timeout_seconds = 2000
shell = "/bin/bash"
[env]
allow = ["MINE", "OUR_*"]
deny = ["HOME"]
[log]
limit_mb = 128
keep_days = 1
keep_mb = 2
[trash]
keep_days = 3
keep_mb = 4
snapshot_mb = 5
[merge]
trailers = ["Reviewed-By: us"]
`

func TestUserFileIsTaken(t *testing.T) {
	require.Equal(t, Settings{DefaultTimeout: 1000 * time.Second, MaxTimeout: 2000 * time.Second, Shell: "/bin/bash",
		Allow: []string{"MINE", "OUR_*"}, Deny: []string{"HOME"}, LogLimit: 128 << 20, KeepLogs: 24 * time.Hour, KeepBytes: 2 << 20,
		KeepTrash: 3 * 24 * time.Hour, TrashBytes: 4 << 20, SnapshotBytes: 5 << 20, CheckTimeout: Defaults().CheckTimeout, Trailers: []string{"Reviewed-By: us"}},
		load(t, filesOf(t, wide, "")))
}

// TestStrangersFileNarrows: what widens waits, is told, and changes nothing.
func TestStrangersFileNarrows(t *testing.T) {
	f := filesOf(t, "max_timeout_seconds = 1500\n", wide)
	s := load(t, f)
	want := Defaults()
	want.MaxTimeout = 1500 * time.Second
	want.Deny = []string{"HOME"}
	want.Notes = s.Notes
	require.Equal(t, want, s)
	require.Len(t, s.Notes, 1)
	for _, key := range []string{"default_timeout_seconds", "max_timeout_seconds", "log.limit_mb", "log.keep_*", "trash.*", "shell", "env.allow", "wt-mcp trust"} {
		require.Contains(t, s.Notes[0], key)
	}
	narrow := load(t, filesOf(t, "", "default_timeout_seconds = 10\nmax_timeout_seconds = 5\n[log]\nlimit_mb = 1\n"))
	require.Equal(t, 5*time.Second, narrow.MaxTimeout)
	require.Equal(t, 5*time.Second, narrow.DefaultTimeout, "the default is within the ceiling")
	require.Equal(t, int64(1<<20), narrow.LogLimit)
	require.Empty(t, narrow.Notes)
}

// TestApprovalIsOfOneContent: of one repository, and byte for byte.
func TestApprovalIsOfOneContent(t *testing.T) {
	f := filesOf(t, "", wide)
	require.NoError(t, f.Approve([]byte(wide)))
	require.NoError(t, f.Approve([]byte(wide)), "twice is once")
	s := load(t, f)
	require.Equal(t, 2000*time.Second, s.MaxTimeout)
	require.Equal(t, "/bin/bash", s.Shell)
	require.Empty(t, s.Notes)
	list, err := os.ReadFile(f.Approvals)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(list), "\n"))

	require.NoError(t, os.WriteFile(f.Repository, []byte(wide+"\n"), 0o644))
	require.NotEmpty(t, load(t, f).Notes)
	other := filesOf(t, "", wide)
	other.Approvals = f.Approvals
	require.NotEmpty(t, load(t, other).Notes)
	require.Error(t, f.Approve([]byte("no = ")), "what is broken is not approved")
}

// What runs by itself in every new worktree is never a stranger's.
func TestSetupWaitsForApproval(t *testing.T) {
	const text = "[worktree]\nsetup = ['npm ci', 'make deps']\nsubmodules = true\n"
	f := filesOf(t, "", text)
	s := load(t, f)
	require.Empty(t, s.Setup)
	require.False(t, s.Submodules)
	require.True(t, s.SetupWaits)
	require.Empty(t, s.Notes, "it is no matter of a run")

	require.NoError(t, f.Approve([]byte(text)))
	s = load(t, f)
	require.Equal(t, []string{"npm ci", "make deps"}, s.Setup)
	require.True(t, s.Submodules)
	require.False(t, s.SetupWaits)

	require.NoError(t, os.WriteFile(f.Repository, []byte(text+"# more\n"), 0o644))
	s = load(t, f)
	require.Empty(t, s.Setup)
	require.True(t, s.SetupWaits)

	own := load(t, filesOf(t, "[worktree]\nsetup = ['mine']\n", "[worktree]\nsetup = []\n"))
	require.Equal(t, []string{"mine"}, own.Setup)
	require.False(t, own.SetupWaits)
}

func TestBrokenFilesAreNamedWithTheirLine(t *testing.T) {
	for text, says := range map[string]string{
		"a = 1":                                            ":1: there is no setting \"a\"",
		"[env]\nallow = ['A']\nalow = ['B']":               ":3: there is no setting \"env.alow\"",
		"max_timeout_seconds = 1\n= 2":                     ":2: ",
		"max_timeout_seconds = 'x'":                        ":1: ",
		"\nmax_timeout_seconds = 0":                        ":2: max_timeout_seconds is 0",
		"default_timeout_seconds = 99999999999":            ":1: default_timeout_seconds is",
		"max_timeout_seconds = nan":                        ":1: max_timeout_seconds is NaN",
		"shell = 'sh'":                                     ":1: shell must be an absolute path",
		"[env]\n\ndeny = ['A', 'B C']":                     ":3: deny has \"B C\"",
		"[worktree]\nsetup = ['a', ' ']":                   ":2: setup has \" \"",
		"[worktree]\nsetup = 'a'":                          ":2: ",
		"[log]\nlimit_mb = -1":                             ":2: limit_mb is -1",
		"max_timeout_seconds = 1\nmax_timeout_seconds = 2": ":2: ",
	} {
		for _, f := range []Files{filesOf(t, text, ""), filesOf(t, "", text)} {
			_, err := f.Load()
			require.ErrorContains(t, err, says, text)
			require.Regexp(t, `\.toml:\d+: `, err.Error())
		}
	}
	f := filesOf(t, "", "")
	require.NoError(t, os.Mkdir(f.Repository, 0o755))
	_, err := f.Load()
	require.ErrorContains(t, err, "no regular file")
	_, err = filesOf(t, strings.Repeat("#", maxFile+1), "").Load()
	require.ErrorContains(t, err, "more than")
}

func TestFind(t *testing.T) {
	env := map[string]string{"HOME": filepath.FromSlash("/h"), "XDG_STATE_HOME": filepath.FromSlash("/s"), "XDG_CONFIG_HOME": "relative"}
	f := Find(func(name string) string { return env[name] }, "repo")
	if filepath.IsAbs(env["HOME"]) { // not on Windows
		require.Equal(t, Files{"/h/.config/wt-mcp/config.toml", "repo/.wt-mcp.toml", "/s/wt-mcp/approved"}, f)
	}
	require.Equal(t, Files{Repository: filepath.Join("repo", RepositoryFile)}, Find(func(string) string { return "" }, "repo"))
}

// FuzzParse: any bytes give settings that can be meant, or an error with a line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(wide))
	f.Add([]byte("a = 1"))
	f.Add([]byte("[env]\nallow = [1]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("f.toml", data)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "f.toml"), err)
			return
		}
		before := Defaults()
		s := before
		s.narrow(c)
		s = s.sound()
		require.LessOrEqual(t, s.MaxTimeout, before.MaxTimeout)
		require.LessOrEqual(t, s.DefaultTimeout, before.DefaultTimeout)
		require.LessOrEqual(t, s.LogLimit, before.LogLimit)
		require.Empty(t, s.Allow)
		require.Empty(t, s.Shell)
		require.Positive(t, s.DefaultTimeout)
		require.Positive(t, s.LogLimit)
	})
}

// A path cannot make one approval look like two.
func TestApprovalIsOneLine(t *testing.T) {
	f := filesOf(t, "", "")
	f.Repository = filepath.Join(t.TempDir(), "a\n0123 "+filepath.Dir(f.Repository), RepositoryFile)
	require.ErrorContains(t, f.Approve([]byte("shell = '/bin/bash'\n")), "has a line break")
	require.NoFileExists(t, f.Approvals)
}
