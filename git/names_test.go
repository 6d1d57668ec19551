package git

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

func hostileNames() []string {
	return []string{"", "-x", "--force", "a..b", "HEAD", "head", "@", "x.lock", "a/x.lock/b", "X.LOCK", "a\x00b", "a\nb", "a b", "a~1", "a^", "a:b", "a?b",
		"a*", "a[b", `a\b`, "/a", "a/", "a//b", ".a", "a/.b", "a.", "@{-1}", "a@{1}", "-", "\x7f", "\xff", strings.Repeat("a", 1<<20), strings.Repeat("a", 241),
		strings.Repeat("0", 40), strings.Repeat("aB", 32)}
}

func TestCheckBranchName(t *testing.T) {
	t.Parallel()
	for _, name := range hostileNames() {
		require.ErrorIs(t, CheckBranchName(name), ErrInvalidName, "%.50q", name)
	}
	for _, name := range []string{"main", "wt/a", "wt/a/b", "ü", "a.b", "a-", "a@b", "@a", "(detached)", "a'b\"$(x)", "wt/HEAD", strings.Repeat("0", 39)} {
		require.NoError(t, CheckBranchName(name), name)
	}
}

// FuzzCheckBranchName: what we accept, git accepts and means as it stands.
func FuzzCheckBranchName(f *testing.F) {
	for _, name := range append(hostileNames(), "wt/a", "ü/@/x") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckBranchName(name) != nil {
			return
		}
		cmd := exec.Command("git", "check-ref-format", "--branch", name)
		cmd.Env = gittest.Env(t.TempDir(), 0)
		out, err := cmd.Output()
		require.NoError(t, err, "git refuses %q", name)
		require.Equal(t, name+"\n", string(out))
	})
}

func TestCheckOp(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"", "-x", "a b", "a@b", "a\n", "ü", "<x>", ".a", strings.Repeat("a", 101)} {
		require.ErrorIs(t, checkOp(op), ErrInvalidName, op)
	}
	for _, op := range []string{"1", "op-1.2_x", "01J9ZQ"} {
		require.NoError(t, checkOp(op), op)
	}
}
