//go:build linux

package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// lookAround prints every process whose environment or arguments hold the canary, and
// what a command has open beside its own three files.
const lookAround = `c=canary; c=$c-%d-
for i in 1 2 3 4 5 6 7 8 9 10; do grep -la $c[A-Z] /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | while read f; do
  echo "SEEN in $f of $(tr '\0' ' ' <${f%%/[a-z]*[a-z]}/cmdline | head -c 200): $(tr '\0' '\n' <$f | grep -a $c)"; done; done
tr '\0' '\n' </proc/$PPID/environ | grep -v '^\(WT_\|GO\)' | sed 's/^/SUPERVISOR HAS /'
for fd in /proc/self/fd/*; do case ${fd##*/} in 0|1|2) ;; *) readlink -e $fd >/dev/null && echo "OPEN $(readlink $fd)";; esac; done
grep -rla $c "$(git rev-parse --git-common-dir)/wt-mcp" | sed 's/^/ON DISK /'
echo "mine ${ALLOWED-none} ${GIVEN-none} ${DENIED-none}"; echo looked`

// Whatever a command of a run looks at, it finds nothing of the user's environment
// that it does not have itself.
func TestCommandFindsNoSecret(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	canary := fmt.Sprintf("canary-%d-", os.Getpid())
	for _, name := range []string{"DENIED", "SERVICE_TOKEN", "GIT_CONFIG_VALUE_0", "DATABASE_URL"} {
		s.env = append(s.env, name+"="+canary+name)
	}
	s.env = append(s.env, "ALLOWED=allowed", "SSH_AUTH_SOCK=/tmp/agent", "GIT_CONFIG_KEY_0=http.extraheader", "GIT_CONFIG_COUNT=1")
	s.write("../home/config/wt-mcp/config.toml", "[env]\nallow = ['ALLOWED']\n")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_create", `{"name":"other"}`)
	command := fmt.Sprintf(lookAround, os.Getpid())
	for _, how := range []string{"a new supervisor", "one that has served before"} {
		_, answer, err := p.beginCall("worktree_run", fmt.Sprintf(`{"name":"lane","command":%q,"env":{"GIVEN":"given"}}`, command))
		require.NoError(t, err)
		for range 10 { // our git calls are looked at too
			s.must(p, "worktree_status", `{"name":"other"}`)
			s.must(p, "worktree_snapshot", `{"name":"other"}`)
		}
		r, err := p.callResult("worktree_run", command, answer)
		require.NoError(t, err)
		require.Contains(t, r.text(), "\nmine allowed given none\nlooked", how)
		for _, sign := range []string{"SEEN", "SUPERVISOR HAS", "OPEN", "ON DISK"} {
			require.NotContains(t, r.text(), sign, how)
		}
	}
}
