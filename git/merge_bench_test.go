package git

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// A landing that has to be merged, beside the four commands that it cannot do without,
// in a repository of 20,000 files.
func BenchmarkLanding(b *testing.B) {
	g, heads := benchLanes(b, 1)
	r := mustOpen(b, g.Dir)
	for name, lane := range map[string]string{"apart": heads[0], "together": heads[1]} {
		b.Run(name, func(b *testing.B) {
			var ours, raw time.Duration
			for b.Loop() {
				began := time.Now()
				done, err := r.PlanChain(b.Context(), Chain{Target: g.Head(), Lanes: []Lane{{Head: lane, Strategy: StrategyMerge}}})
				ours += time.Since(began)
				require.NoError(b, err)
				require.NoError(b, done[0].Err)
				began = time.Now()
				base := g.Git("merge-base", "main", lane)
				g.Git("diff-tree", "-r", base, lane)
				tree := g.Git("merge-tree", "--write-tree", "main", lane)
				g.Git("commit-tree", "-p", "main", "-p", lane, "-m", "merge", tree)
				raw += time.Since(began)
				require.Equal(b, tree, done[0].Tree)
			}
			b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms/landing")
			b.ReportMetric(ours.Seconds()/raw.Seconds(), "times-commands")
		})
	}
}

// A rebase of ten commits, beside git rebase in a worktree of 20,000 files.
func BenchmarkRebase(b *testing.B) {
	g, heads := benchLanes(b, 10)
	r := mustOpen(b, g.Dir)
	tree := filepath.Join(g.Dir, ".worktrees", "x")
	g.Git("worktree", "add", "-q", "--detach", tree, heads[0])
	for name, lane := range map[string]string{"apart": heads[0], "together": heads[1]} {
		b.Run(name, func(b *testing.B) {
			var ours, stock time.Duration
			for b.Loop() {
				began := time.Now()
				done, err := r.PlanChain(b.Context(), Chain{Target: g.Head(), Lanes: []Lane{{Head: lane, Strategy: StrategyRebase}}})
				ours += time.Since(began)
				require.NoError(b, err)
				require.NoError(b, done[0].Err)
				g.GitIn(tree, "reset", "-q", "--hard", lane)
				began = time.Now()
				g.GitIn(tree, "rebase", "-q", "main")
				stock += time.Since(began)
				require.Equal(b, g.GitIn(tree, "rev-parse", "HEAD^{tree}"), done[0].Tree)
			}
			b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms/rebase")
			b.ReportMetric(ours.Seconds()/stock.Seconds(), "times-git-rebase")
		})
	}
}

// benchLanes makes two lanes of some commits: one apart from what main changed since,
// one that changes the same file elsewhere.
func benchLanes(b *testing.B, commits int) (g *gittest.Repo, heads []string) {
	g = gittest.NewRepo(b, gittest.Files(20_000))
	g.Git("config", "user.name", "A")
	g.Git("config", "user.email", "a@example.com")
	lines := strings.Repeat("same\n", 30)
	g.Write("both", lines)
	g.Commit("both")
	for _, file := range []string{"own", "both"} {
		g.Git("checkout", "-q", "-b", file, "main")
		for i := range commits {
			g.Write(file, lines+fmt.Sprintf("line %d\n", i))
			g.Write(fmt.Sprintf("new-%s/%d", file, i), "new\n")
			g.Commit("work")
		}
		heads = append(heads, g.Head())
	}
	g.Git("checkout", "-q", "main")
	g.Write("both", "first\n"+lines)
	g.Commit("meanwhile")
	return g, heads
}
