package runner

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironment(t *testing.T) {
	quietEntries := []string{"CI=1", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "TERM=dumb"}
	for _, tc := range []struct {
		name    string
		base    []string
		more    []string
		extra   map[string]string
		want    []string
		dropped []string
	}{
		{name: "empty base", want: quietEntries},
		{
			name:    "passes what builds need, in its order",
			base:    []string{"PATH=/bin", "HOME=/h", "LC_ALL=C=x", "GOCACHE=", "http_proxy=p", "XDG_CACHE_HOME=/c", "noequals", ""},
			want:    append([]string{"PATH=/bin", "HOME=/h", "LC_ALL=C=x", "GOCACHE=", "http_proxy=p", "XDG_CACHE_HOME=/c"}, quietEntries...),
			dropped: []string{"", "noequals"},
		},
		{
			name:    "drops secrets and what it does not know",
			base:    []string{"AWS_SECRET_ACCESS_KEY=s", "GITHUB_TOKEN=s", "ANTHROPIC_API_KEY=s", "SSH_AUTH_SOCK=/s", "DOCKER_HOST=x", "LC_=1", "FOO=1"},
			want:    append([]string{"LC_=1"}, quietEntries...),
			dropped: []string{"ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "DOCKER_HOST", "FOO", "GITHUB_TOKEN", "SSH_AUTH_SOCK"},
		},
		{
			name:    "passes what the user names",
			base:    []string{"FOO=1", "FOOL=2", "BAR_A=3", "BAR=4"},
			more:    []string{"FOO", "BAR_*"},
			want:    append([]string{"FOO=1", "BAR_A=3"}, quietEntries...),
			dropped: []string{"BAR", "FOOL"},
		},
		{
			name:    "drops what leads astray, whoever names it",
			base:    []string{"GIT_DIR=/x", "GIT_", "LD_PRELOAD=x", "DYLD_X=1", "WT_MCP_HOME=/x", "PWD=/x", "OLDPWD=/y", "HOME=/h"},
			more:    []string{"*", "GIT_DIR"},
			want:    append([]string{"HOME=/h"}, quietEntries...),
			dropped: []string{"DYLD_X", "GIT_", "GIT_DIR", "LD_PRELOAD", "OLDPWD", "PWD", "WT_MCP_HOME"},
		},
		{
			name: "replaces",
			base: []string{"TERM=xterm", "HOME=1", "PAGER=less", "HOME=2", "CI=false"},
			want: append([]string{"HOME=1", "HOME=2"}, quietEntries...),
		},
		{
			name:  "extra wins",
			base:  []string{"X=1"},
			extra: map[string]string{"X": "2", "CI": "0"},
			want:  []string{"CI=0", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "TERM=dumb", "X=2"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.base)
			got, dropped := environment(tc.base, tc.more, tc.extra, false)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.dropped, dropped)
			require.Equal(t, before, tc.base)
		})
	}
}

func TestEnvironmentOnWindows(t *testing.T) {
	got, dropped := environment(
		[]string{"=C:=C:\\x", "Git_Dir=x", "wt_mcp_a=1", "Path=p", "Term=xterm", "SystemRoot=w", "secret=1"},
		nil, map[string]string{"PATH": "q", "ci": "0"}, true)
	require.Equal(t, []string{"=C:=C:\\x", "SystemRoot=w", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "PATH=q", "TERM=dumb", "ci=0"}, got)
	require.Equal(t, []string{"Git_Dir", "secret", "wt_mcp_a"}, dropped)
}
