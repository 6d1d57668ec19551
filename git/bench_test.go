package git

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// benchmarkAdd compares us with plain git, in turns and in changing order.
func benchmarkAdd(b *testing.B, files int) {
	g, r := newRepo(b, gittest.Files(files))
	head := g.Head()
	ours := func() time.Duration {
		a := newAdd(g, "a")
		start := time.Now()
		require.NoError(b, r.AddWorktree(b.Context(), a))
		took := time.Since(start)
		require.NoError(b, removed(r, b.Context(), Remove{Path: a.Path}))
		require.NoError(b, r.DeleteBranch(b.Context(), a.Branch, head))
		return took
	}
	raw := func() time.Duration {
		path := filepath.Join(g.Dir, ".worktrees", "b")
		cmd := exec.Command("git", "worktree", "add", "-q", "-b", "wt/b", path, head)
		cmd.Dir = g.Dir
		start := time.Now()
		require.NoError(b, cmd.Run())
		took := time.Since(start)
		g.Git("worktree", "remove", path)
		g.Git("branch", "-D", "wt/b")
		return took
	}
	var times [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for _, side := range []int{i % 2, 1 - i%2} {
			times[side] = append(times[side], []func() time.Duration{ours, raw}[side]())
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	median := func(side int) float64 { return float64(times[side][len(times[side])/2].Microseconds()) / 1e3 }
	b.ReportMetric(median(0), "ours-ms")
	b.ReportMetric(median(1), "raw-ms")
	b.ReportMetric(median(0)/median(1), "ratio")
}

func BenchmarkAddWorktree10(b *testing.B)   { benchmarkAdd(b, 10) }
func BenchmarkAddWorktree1000(b *testing.B) { benchmarkAdd(b, 1000) }

// BenchmarkRemoveWorktree1000 compares us with plain git, in turns.
func BenchmarkRemoveWorktree1000(b *testing.B) {
	g, r := newRepo(b, gittest.Files(1000))
	var ours, raw time.Duration
	for b.Loop() {
		a := newAdd(g, "a")
		require.NoError(b, r.AddWorktree(b.Context(), a))
		start := time.Now()
		require.NoError(b, removed(r, b.Context(), Remove{Path: a.Path}))
		ours += time.Since(start)
		g.Git("worktree", "add", "-q", a.Path, a.Branch)
		start = time.Now()
		g.Git("worktree", "remove", a.Path)
		raw += time.Since(start)
		g.Git("branch", "-D", a.Branch)
	}
	b.ReportMetric(float64(ours.Microseconds())/1e3/float64(b.N), "ours-ms")
	b.ReportMetric(float64(raw.Microseconds())/1e3/float64(b.N), "raw-ms")
	b.ReportMetric(float64(ours)/float64(raw), "ratio")
}
