package git

import (
	"crypto/rand"
	"fmt"
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

// benchmarkRemove compares us with git worktree remove --force, in turns. What is
// measured is the call; the trash is emptied behind it.
func benchmarkRemove(b *testing.B, files int, dirty bool) {
	g, r := newRepo(b, gittest.Files(files))
	prepare := func() Add {
		a := newAdd(g, "a")
		require.NoError(b, r.AddWorktree(b.Context(), a))
		for i := 0; dirty && i < max(files/10, 1); i++ {
			g.Write(filepath.Join(a.Path, fmt.Sprintf("dir%03d/file%05d.txt", i/100, i)), "changed\n")
			g.Write(filepath.Join(a.Path, fmt.Sprintf("new%03d/file%05d.txt", i/100, i)), fmt.Sprintf("new %d\n", i))
		}
		return a
	}
	ours := func() time.Duration {
		a := prepare()
		start := time.Now()
		trash, err := r.RemoveWorktree(b.Context(), Remove{Path: a.Path, Op: rand.Text(), Force: true})
		took := time.Since(start)
		require.NoError(b, err)
		empty(b, r, trash)
		g.Git("branch", "-D", a.Branch)
		return took
	}
	raw := func() time.Duration {
		a := prepare()
		cmd := exec.Command("git", "worktree", "remove", "--force", a.Path)
		cmd.Dir = g.Dir
		start := time.Now()
		require.NoError(b, cmd.Run())
		took := time.Since(start)
		g.Git("branch", "-D", a.Branch)
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

func BenchmarkRemoveWorktree(b *testing.B) {
	for _, files := range []int{10, 1000, 20000} {
		for _, dirty := range []bool{false, true} {
			b.Run(fmt.Sprintf("files=%d/dirty=%t", files, dirty), func(b *testing.B) { benchmarkRemove(b, files, dirty) })
		}
	}
}
