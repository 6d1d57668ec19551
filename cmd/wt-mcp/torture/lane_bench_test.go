//go:build linux

package torture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newLarge is a repository of n files with a worktree, and a hook that does nothing.
func newLarge(b *testing.B, n int) (r *repo, s *server, lane string) {
	r = newRepo(b)
	r.git("config", "user.name", "Somebody")
	r.git("config", "user.email", "somebody@example.com")
	for i := range n {
		name := r.path(fmt.Sprintf("d%d", i/100), fmt.Sprintf("f%d", i))
		require.NoError(b, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(b, os.WriteFile(name, fmt.Appendf(nil, "file %d\n", i), 0o644))
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "files")
	require.NoError(b, os.MkdirAll(r.path(".git", "hooks"), 0o755))
	require.NoError(b, os.WriteFile(r.path(".git", "hooks", "pre-commit"), []byte("#!/bin/sh\nexit 0\n"), 0o755))
	s = r.open()
	s.must(b, "worktree_create", args{"name": "lane"})
	return r, s, r.path(".worktrees", "lane")
}

// inTurns measures two sides in turns and in changing order: medians, and their ratio.
func inTurns(b *testing.B, ours, raw func(i int)) {
	var times [2][]float64
	for i := 0; b.Loop(); i++ {
		for _, side := range []int{i % 2, 1 - i%2} {
			start := time.Now()
			[]func(int){ours, raw}[side](2*i + side)
			times[side] = append(times[side], float64(time.Since(start).Microseconds())/1e3)
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	a, c := times[0][len(times[0])/2], times[1][len(times[1])/2]
	b.ReportMetric(a, "ours-ms")
	b.ReportMetric(c, "git-ms")
	b.ReportMetric(a/c, "ratio")
}

// BenchmarkCommit compares worktree_commit with git add -A and git commit, both with
// the same hook, for ten changed files and one new.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, s, lane := newLarge(b, n)
			change := func(i int) {
				for k := range 10 {
					require.NoError(b, os.WriteFile(filepath.Join(lane, fmt.Sprintf("d%d", k), fmt.Sprintf("f%d", k*100)), fmt.Appendf(nil, "%d\n", i), 0o644))
				}
				require.NoError(b, os.WriteFile(filepath.Join(lane, fmt.Sprintf("new%d", i)), fmt.Appendf(nil, "%d\n", i), 0o644))
			}
			inTurns(b, func(i int) {
				change(i)
				s.must(b, "worktree_commit", args{"name": "lane", "message": "ours"})
			}, func(i int) {
				change(i)
				r.git("-C", lane, "add", "-A")
				r.git("-C", lane, "commit", "-q", "-m", "raw")
			})
			r.close(s)
		})
	}
}

// BenchmarkDiff compares the numbers of worktree_diff, untracked files among them, with
// git diff --stat, which does not look for any.
func BenchmarkDiff(b *testing.B) {
	for _, n := range []int{1_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, s, lane := newLarge(b, n)
			base := r.git("rev-parse", "HEAD")
			for k := range 10 {
				require.NoError(b, os.WriteFile(filepath.Join(lane, fmt.Sprintf("d%d", k), fmt.Sprintf("f%d", k*100)), []byte("changed\n"), 0o644))
			}
			inTurns(b, func(int) { s.must(b, "worktree_diff", args{"name": "lane", "stat": true}) },
				func(int) { r.git("-C", lane, "diff", "--stat", base) })
			r.close(s)
		})
	}
}
