package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// What we write is read by git as what it was.
func TestSettingsAreWrittenAsTheyAre(t *testing.T) {
	t.Parallel()
	_, r := newRepo(t)
	want := []Setting{{Key: "core.autocrlf", unset: true}, {Key: "remote.a.b \"c\\.url", Value: "x\n\t#;\\ \"y\" ", File: "f"},
		{Key: "branch.x.merge", Value: ""}, {Key: "remote.A.url", Value: " [core]\r\n"}}
	got, err := r.git.parse(t.Context(), "f", writeSettings(want))
	require.NoError(t, err)
	for i := range want {
		want[i].File = "f"
	}
	require.Equal(t, want, got)
}

// Only what is on the list is harmless; what is of no use is not asked for.
func TestUseOfSettings(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]settingUse{
		"core.autocrlf": harmless, "core.bare": harmless, "core.worktree": useless, "core.hookspath": useless, "core.fsmonitor": useless,
		"core.sshcommand": programs, "core.editor": useless, "filter.x.clean": programs, "filter.x.y.required": programs, "merge.x.driver": programs,
		"merge.conflictstyle": harmless, "diff.x.textconv": useless, "diff.external": useless, "credential.helper": programs,
		"credential.https://x.helper": programs, "extensions.objectformat": harmless, "extensions.worktreeconfig": useless,
		"extensions.partialclone": programs, "remote.x.url": harmless, "remote.x.promisor": programs, "remote.x.push": useless,
		"lfs.url": harmless, "lfs.https://x.access": harmless, "lfs.customtransfer.x.path": programs, "lfs.storage": programs,
		"alias.x": useless, "include.path": useless, "includeif.gitdir:x.path": useless, "http.x.proxy": programs, "url.x.insteadof": programs,
		"branch.x.merge": harmless, "trace2.eventtarget": useless, "safe.directory": useless,
	} {
		require.Equal(t, want, Setting{Key: key}.use(), key)
	}
}

// Somebody who finds the directory that git gets cannot leave anything in it for the
// next git.
func TestShadowIsMadeAnewWhereItWasWrittenTo(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	canary := filepath.Join(gittest.TempDir(t), "ran")
	g.Write(".gitattributes", "* filter=x\n")
	g.Write("a", "a\n")
	g.Commit("a")
	_, err := r.Status(t.Context(), g.Dir)
	require.NoError(t, err)
	first := r.git.shadows.list[0].scratch.Dir
	config, err := os.OpenFile(filepath.Join(first, "config"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = config.WriteString("[filter \"x\"]\n\tclean = touch '" + canary + "'; cat\n")
	require.NoError(t, err)
	require.NoError(t, config.Close())
	g.Write("a", "b\n")
	_, err = r.Status(t.Context(), g.Dir)
	require.NoError(t, err)
	require.NoFileExists(t, canary)
	require.NoDirExists(t, first)
	r.Close()
	require.Empty(t, r.git.shadows.list)
}
