package runner

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironment(t *testing.T) {
	quietEntries := []string{"CI=1", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "TERM=dumb"}
	for _, tc := range []struct {
		name  string
		base  []string
		extra map[string]string
		want  []string
	}{
		{name: "empty base", want: quietEntries},
		{
			name: "keeps order and odd entries",
			base: []string{"PATH=/bin", "A=b=c", "EMPTY=", "GITHUB=1", "noequals", ""},
			want: append([]string{"PATH=/bin", "A=b=c", "EMPTY=", "GITHUB=1", "noequals", ""}, quietEntries...),
		},
		{
			name: "drops what leads astray",
			base: []string{"GIT_DIR=/x", "GIT_", "GIT_INDEX_FILE=i", "WT_MCP_HOME=/x", "PWD=/x", "OLDPWD=/y", "HOME=/h"},
			want: append([]string{"HOME=/h"}, quietEntries...),
		},
		{
			name: "replaces",
			base: []string{"TERM=xterm", "X=1", "PAGER=less", "X=2", "CI=false"},
			want: append([]string{"X=1", "X=2"}, quietEntries...),
		},
		{
			name:  "extra wins",
			base:  []string{"X=1", "x=1"},
			extra: map[string]string{"X": "2", "CI": "0", "GIT_AUTHOR_NAME": "a"},
			want:  []string{"x=1", "CI=0", "GIT_AUTHOR_NAME=a", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "TERM=dumb", "X=2"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.base)
			require.Equal(t, tc.want, environment(tc.base, tc.extra, false))
			require.Equal(t, before, tc.base)
		})
	}
}

func TestEnvironmentWithoutCase(t *testing.T) {
	got := environment(
		[]string{"=C:=C:\\x", "Git_Dir=x", "wt_mcp_a=1", "Path=p", "Term=xterm", "gitx=1"},
		map[string]string{"PATH": "q", "ci": "0"}, true)
	require.Equal(t, []string{"=C:=C:\\x", "gitx=1", "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "PATH=q", "TERM=dumb", "ci=0"}, got)
}
