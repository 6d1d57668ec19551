package tools

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
)

// The lines that publish can be pasted into a shell as they are.
func TestPublishLines(t *testing.T) {
	for name, c := range map[string]struct {
		up         git.Upstream
		lane       string
		push, pull string
	}{
		"no remote":    {git.Upstream{}, "wt/a", "", ""},
		"no upstream":  {git.Upstream{Remote: "origin", Host: "example.org"}, "wt/a", "git push -u origin main", ""},
		"github":       {git.Upstream{Remote: "origin", Branch: "main", Host: "GitHub.com"}, "wt/a", "git push origin main", "git push -u origin wt/a && gh pr create --fill --base main --head wt/a"},
		"gitlab":       {git.Upstream{Remote: "up", Branch: "trunk", Host: "gitlab.example.org"}, "wt/a", "git push up main:trunk", "git push -u up wt/a && glab mr create --fill --target-branch trunk --source-branch wt/a"},
		"not a forge":  {git.Upstream{Remote: "origin", Branch: "main", Host: "notgithub.com"}, "wt/a", "git push origin main", ""},
		"detached":     {git.Upstream{Remote: "origin", Branch: "main", Host: "github.com"}, "", "git push origin main", ""},
		"odd branches": {git.Upstream{Remote: "origin", Branch: "it's;x", Host: "github.com"}, "a&b", `git push origin 'main:it'\''s;x'`, `git push -u origin 'a&b' && gh pr create --fill --base 'it'\''s;x' --head 'a&b'`},
	} {
		m := &merging{target: git.Target{Ref: "refs/heads/main", Upstream: c.up}, status: git.Status{Branch: c.lane}}
		m.publish()
		require.Equal(t, c.push, m.out.Push, name)
		require.Equal(t, c.pull, m.out.PullRequest, name)
	}
}
