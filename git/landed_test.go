package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// history makes commits: each is a file name and its content on the branch that is out.
func history(g *gittest.Repo, steps ...string) {
	for _, step := range steps {
		name, content, _ := strings.Cut(step, "=")
		g.Write(name, content)
		g.Commit("change " + name)
	}
}

// landingCase is a branch, how it went on to main, and what is to be found.
type landingCase struct {
	lane, land func(g *gittest.Repo) // on branch lane, then on main
	how        string
	left       int
}

func landings() map[string]landingCase {
	return map[string]landingCase{
		"no commits":    {how: "same"},
		"target behind": {lane: commits("a=1"), left: 1},
		"target ahead":  {land: commits("m=1"), how: "ancestor"},
		"merged":        {lane: commits("a=1", "b=1"), land: func(g *gittest.Repo) { history(g, "m=1"); g.Git("merge", "-q", "--no-ff", "--no-edit", "lane") }, how: "ancestor"},
		"fast-forward":  {lane: commits("a=1", "b=1"), land: func(g *gittest.Repo) { g.Git("merge", "-q", "--ff-only", "lane") }, how: "same"},
		"merged, then reverted": {lane: commits("a=1"), land: func(g *gittest.Repo) {
			g.Git("merge", "-q", "--no-ff", "--no-edit", "lane")
			g.Git("revert", "--no-edit", "-m", "1", "HEAD")
		}, how: "ancestor"},
		"squash":                   {lane: commits("a=1", "a=2", "b=1"), land: squash(), how: "equal-tree"},
		"squash, other work":       {lane: commits("a=1", "a=2", "b=1"), land: squash("m=1"), how: "nothing-to-merge"},
		"squash, later edit":       {lane: commits("README.md=lane\n", "b=1"), land: squash("README.md=later\n"), how: "squash"},
		"squash, then reverted":    {lane: commits("a=1"), land: func(g *gittest.Repo) { squash()(g); g.Git("revert", "--no-edit", "HEAD") }, how: "squash"},
		"rebased, later edit":      {lane: commits("README.md=1\n", "b=1"), land: rebased("README.md=later\n"), how: "squash"},
		"half of it, picked":       {lane: commits("a=1", "b=1", "c=1"), land: func(g *gittest.Repo) { history(g, "m=1"); g.Git("cherry-pick", "lane~2") }, left: 2},
		"half of it, merged":       {lane: commits("a=1", "b=1"), land: func(g *gittest.Repo) { g.Git("merge", "-q", "--no-ff", "--no-edit", "lane~1") }, left: 1},
		"other work only":          {lane: commits("a=1", "b=1"), land: commits("m=1"), left: 2},
		"conflict":                 {lane: commits("README.md=lane\n"), land: commits("README.md=main\n"), left: 1},
		"empty commits":            {lane: func(g *gittest.Repo) { g.Commit("nothing"); g.Commit("nothing") }, land: commits("m=1"), how: "no-difference"},
		"done and undone":          {lane: commits("README.md=x\n", "README.md=readme\n"), land: commits("m=1"), how: "no-difference"},
		"rename, squashed, edited": {lane: func(g *gittest.Repo) { g.Git("mv", "README.md", "new"); g.Commit("mv") }, land: squash("new=other\n"), how: "squash"},
		"binary, squashed, edited": {lane: commits("bin=\x00\x01", "bin=\x00\x02"), land: squash("bin=\x00\x03"), how: "squash"},
		"binary":                   {lane: commits("bin=\x00\x01"), land: commits("bin=\x00\x03"), left: 1},
		"target merged in":         {lane: func(g *gittest.Repo) { history(g, "a=1") }, land: mergedBack, how: "equal-tree"},
		"unrelated": {lane: func(g *gittest.Repo) {
			g.Git("checkout", "-q", "--orphan", "other")
			history(g, "z=1")
			g.Git("branch", "-M", "lane")
		}, left: 1},
		"unrelated, same files": {lane: func(g *gittest.Repo) {
			g.Git("checkout", "-q", "--orphan", "other")
			g.Git("commit", "-q", "-m", "again")
			g.Git("branch", "-M", "lane")
		}, how: "equal-tree"},
	}
}

func TestLanded(t *testing.T) {
	t.Parallel()
	for name, c := range landings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, r := newRepo(t)
			g.Git("checkout", "-q", "-b", "lane")
			if c.lane != nil {
				c.lane(g)
			}
			g.Git("checkout", "-q", "main")
			if c.land != nil {
				c.land(g)
			}
			before := g.Git("count-objects", "-v")
			l, err := r.Landed(t.Context(), g.Git("rev-parse", "lane"), g.Head())
			require.NoError(t, err)
			require.Equal(t, Landing{Landed: c.how != "", How: c.how, Commits: c.left}, l)
			require.Equal(t, before, g.Git("count-objects", "-v"), "it wrote objects")
		})
	}
}

func commits(steps ...string) func(*gittest.Repo) {
	return func(g *gittest.Repo) { history(g, steps...) }
}

// squash lands the lane in one commit, followed by more.
func squash(later ...string) func(*gittest.Repo) {
	return func(g *gittest.Repo) {
		g.Git("merge", "-q", "--squash", "lane")
		g.Commit("squashed")
		history(g, later...)
	}
}

func rebased(later ...string) func(*gittest.Repo) {
	return func(g *gittest.Repo) {
		history(g, "m=1")
		g.Git("cherry-pick", "main~1..lane")
		history(g, later...)
	}
}

// mergedBack squashes a lane that had taken the target in.
func mergedBack(g *gittest.Repo) {
	history(g, "m=1")
	g.Git("checkout", "-q", "lane")
	g.Git("merge", "-q", "--no-edit", "main")
	g.Git("checkout", "-q", "main")
	squash()(g)
}

func TestLandedFarBehind(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	g.Git("checkout", "-q", "-b", "lane")
	history(g, "README.md=lane\n")
	g.Git("checkout", "-q", "main")
	tree := g.Git("rev-parse", "HEAD^{tree}")
	var stream strings.Builder
	for i := range maxPicked + 10 {
		stream.WriteString("commit refs/heads/main\ncommitter x <x@x> 1700000000 +0000\ndata 1\nx\n")
		if i == 0 {
			stream.WriteString("from " + g.Head() + "\n")
		}
		stream.WriteString("M 040000 " + tree + " \n\n")
	}
	file := g.Write("../stream", stream.String())
	g.Git("config", "alias.load", "!git fast-import --quiet <'"+file+"'")
	g.Git("load")
	g.Git("reset", "-q", "--hard")
	squash("README.md=later\n")(g)
	l, err := r.Landed(t.Context(), g.Git("rev-parse", "lane"), g.Head())
	require.NoError(t, err)
	require.Equal(t, landed("squash"), l)
	history(g, "README.md=again\n")
	l, err = r.Landed(t.Context(), g.Git("rev-parse", "lane"), g.Git("rev-parse", "HEAD~3"))
	require.NoError(t, err)
	require.Equal(t, Landing{Commits: 1}, l)
}

// What a worktree or a repository names to be run is not run.
func TestLandedRunsNothing(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	marker := filepath.Join(g.Dir, "ran")
	g.Git("checkout", "-q", "-b", "lane")
	g.Write(".gitattributes", "* diff=x filter=x\n")
	history(g, "README.md=lane\n")
	g.Git("checkout", "-q", "main")
	g.Git("config", "diff.x.command", "touch '"+marker+"'")
	g.Git("config", "diff.x.textconv", "touch '"+marker+"'; cat")
	g.Git("config", "diff.external", "touch '"+marker+"'")
	g.Write(".gitattributes", "* diff=x\n")
	history(g, "README.md=main\n")
	require.NoError(t, os.RemoveAll(marker))
	l, err := r.Landed(t.Context(), g.Git("rev-parse", "lane"), g.Head())
	require.NoError(t, err)
	require.Equal(t, Landing{Commits: 1}, l)
	require.NoFileExists(t, marker)
}

func TestMainHead(t *testing.T) {
	t.Parallel()
	g, r, _ := addOne(t)
	oid, branch, err := r.MainHead(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{g.Head(), "main"}, []string{oid, branch})
	g.Git("checkout", "-q", "--detach")
	_, branch, err = r.MainHead(t.Context())
	require.NoError(t, err)
	require.Empty(t, branch)
	_, _, err = mustOpen(t, gittest.NewRepo(t, gittest.Empty()).Dir).MainHead(t.Context())
	require.Error(t, err)
}
