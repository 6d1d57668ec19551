package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A call that names one of several repositories is led on in that one: the call that it
// is answered with works as it is written.
func TestNextStaysInTheRepository(t *testing.T) {
	t.Parallel()
	a, b := newScratch(t), newScratch(t)
	p := a.from(t.TempDir(), []string{a.dir, b.dir})
	a.must(p, "task_create", `{"subject":"of a"}`)
	a.must(p, "task_create", `{"subject":"of b","repo":"`+b.dir+`"}`)
	claimed := a.must(p, "task_claim", `{"repo":"`+b.dir+`"}`)
	step := ""
	for _, s := range claimed["next"].([]any) {
		if _, call, found := strings.Cut(s.(string), ": worktree_create "); found {
			step = call
		}
	}
	require.NotEmpty(t, step, "%v", claimed["next"])
	made := a.must(p, "worktree_create", step)
	require.True(t, strings.HasPrefix(made["path"].(string), b.dir), made["path"])
	require.NotContains(t, a.text(p, "task_claim", `{}`), `"repo"`)
	require.NoError(t, p.close())
}
