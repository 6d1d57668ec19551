package config

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const gated = "[checks]\nvet = 'go vet'\ntest = 'go test'\nspare = 'unused'\n[merge]\ncheck = ['test', 'vet', 'test']\ncheck_timeout_seconds = 60\n"

func rewrite(t *testing.T, f Files, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(f.Repository, []byte(text), 0o644))
}

func TestChecksOfTheUser(t *testing.T) {
	s := load(t, filesOf(t, gated, "[checks]\nvet = 'other'\n[merge]\ncheck = ['theirs']\n"))
	require.Equal(t, []Check{{"test", "go test"}, {"vet", "go vet"}}, s.Checks)
	require.Equal(t, time.Minute, s.CheckTimeout)
	require.True(t, s.ChecksWait, "the repository's are not approved")
}

// What was approved once holds on: nobody who may write the file opens the gate.
func TestApprovedChecksHoldOn(t *testing.T) {
	f := filesOf(t, "", gated)
	require.Empty(t, load(t, f).Checks)
	require.True(t, load(t, f).ChecksWait)
	require.NoError(t, f.Approve([]byte(gated)))
	want := []Check{{"test", "go test"}, {"vet", "go vet"}}
	require.Equal(t, want, load(t, f).Checks)
	require.False(t, load(t, f).ChecksWait)

	for _, text := range []string{"", "[checks]\ntest = 'true'\n[merge]\ncheck = ['test']\n", "# only a comment\n" + gated} {
		rewrite(t, f, text)
		require.Equal(t, want, load(t, f).Checks, text)
	}
	require.False(t, load(t, f).ChecksWait, "it asks for the same")
	require.NoError(t, os.Remove(f.Repository))
	require.Equal(t, want, load(t, f).Checks)

	other := "[checks]\ntest = 'other'\n[merge]\ncheck = ['test']\n"
	rewrite(t, f, other)
	require.NoError(t, f.Approve([]byte(other)))
	require.Equal(t, []Check{{"test", "other"}}, load(t, f).Checks)
	rewrite(t, f, "")
	require.Equal(t, []Check{{"test", "other"}}, load(t, f).Checks, "the newest approval counts")
	require.NoError(t, f.Approve([]byte(gated)))
	require.Equal(t, want, load(t, f).Checks, "approved again is the newest")

	require.NoError(t, os.WriteFile(f.kept(sum([]byte(gated))), []byte("forged"), 0o600))
	_, err := f.Load()
	require.ErrorContains(t, err, "is not what was approved")
}

func TestChecksThatCannotBeMeant(t *testing.T) {
	for text, says := range map[string]string{
		"[merge]\ncheck = ['x']":                                    `merge.check names "x", and [checks] has no command`,
		"[merge]\ncheck = ['x y']":                                  `:2: check has "x y"`,
		"[checks]\n'a b' = 'true'":                                  "a b is no name of a check",
		"[checks]\ntest = ' '":                                      `:2: test is " "`,
		"[merge]\ncheck_timeout_seconds = 0":                        ":2: check_timeout_seconds is 0",
		"[merge]\ncheck = 'x'":                                      ":2: ",
		"[merge]\nchecks = ['x']":                                   `:2: there is no setting "merge.checks"`,
		"[checks]\ntest = ['true']":                                 ":2: ",
		"[checks]\nt = \"a\\u0000b\"":                               ":2: t is",
		"[checks]\nabcdefghijklmnopqrstuvwxyzabcdefghijklmno = 'x'": ":2: ",
	} {
		_, err := filesOf(t, text, "").Load()
		require.Error(t, err, text)
		require.ErrorContains(t, err, says, text)
	}
}
