//go:build linux

package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// laneFiles is how many files the repository of the landing benchmarks has.
const laneFiles = 1000

// lanes makes a repository with n lanes that have a commit each, disjoint from all
// others, on a branch that the main checkout is on.
func lanes(b *testing.B, n int) (*repo, *server, []string) {
	b.Helper()
	r := newRepo(b)
	r.importFiles(laneFiles)
	r.git("merge", "-q", "--allow-unrelated-histories", "large")
	s := r.open()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("lane-%03d", i)
		s.must(b, "worktree_create", args{"name": names[i]})
		require.NoError(b, os.WriteFile(r.path(".worktrees", names[i], fmt.Sprintf("new-%03d.txt", i)), []byte(names[i]+"\n"), 0o644))
		r.git("-C", r.path(".worktrees", names[i]), "add", "-A")
		r.git("-C", r.path(".worktrees", names[i]), "commit", "-q", "-m", names[i])
	}
	return r, s, names
}

// BenchmarkLandAtOnce lands lanes by as many calls at once, beside git merge of the same
// lanes one after the other in a checkout like it, in the same run. The figure is
// x-faster. -benchtime 1x; the making of the lanes takes longest.
func BenchmarkLandAtOnce(b *testing.B) {
	for _, n := range []int{64, 128, 256, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				r, s, names := lanes(b, n)
				serial := mergeSerially(b, r, names)
				b.StartTimer()
				took := landAtOnce(b, []*server{s}, names)
				b.StopTimer()
				require.Equal(b, fmt.Sprint(n), r.git("rev-list", "--count", "--grep=^lane-", "--no-merges", "main"))
				require.Empty(b, r.git("status", "--porcelain"))
				b.ReportMetric(took.Seconds(), "s-together")
				b.ReportMetric(serial.Seconds(), "s-git-merge")
				b.ReportMetric(serial.Seconds()/took.Seconds(), "x-faster")
				r.close(s)
				b.StartTimer()
			}
		})
	}
}

// mergeSerially merges all branches of the lanes with git in a checkout of its own.
func mergeSerially(b *testing.B, r *repo, names []string) time.Duration {
	b.Helper()
	checkout := b.TempDir() + "/serial"
	r.git("worktree", "add", "-q", "-b", "serial", checkout, "main")
	began := time.Now()
	for _, name := range names {
		cmd := exec.Command("git", "merge", "-q", "--no-ff", "--no-edit", "wt/"+name)
		cmd.Dir = checkout
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, "%s", out)
	}
	took := time.Since(began)
	r.git("worktree", "remove", "--force", checkout)
	return took
}

// landAtOnce lands all lanes, each by a call, shared out among the servers.
func landAtOnce(b *testing.B, servers []*server, names []string) time.Duration {
	b.Helper()
	var group sync.WaitGroup
	began := time.Now()
	for i, name := range names {
		group.Go(func() { servers[i%len(servers)].must(b, "worktree_merge", args{"name": name}) })
	}
	group.Wait()
	return time.Since(began)
}

// BenchmarkLandEach lands lanes one call after the other in each process, in a branch
// that is checked out nowhere: 1 process, then 8 at once, and beside them the four git
// commands that a landing takes.
func BenchmarkLandEach(b *testing.B) {
	const each = 25
	for b.Loop() {
		r, s, names := lanes(b, 9*each)
		r.git("switch", "-q", "--detach")
		floor := fourCommands(b, r, names[:each])
		one := landSerially(b, []*server{s}, names[:each])
		servers := append([]*server{s}, r.opens(7)...)
		all := landSerially(b, servers, names[each:])
		b.ReportMetric(median(one).Seconds()*1e3, "ms/landing")
		b.ReportMetric(median(one).Seconds()/median(floor).Seconds(), "x-four-commands")
		rate := float64(len(all)) / total(all, 8)
		b.ReportMetric(rate, "landings/s-of-8")
		b.ReportMetric(rate/(float64(len(one))/total(one, 1)), "of-one")
		b.ReportMetric(quantile(all, 0.99).Seconds()/median(all).Seconds(), "p99/p50")
		r.close(servers...)
	}
}

// fourCommands is what a landing by hand takes: merge base, tree, commit, ref.
func fourCommands(b *testing.B, r *repo, names []string) (all []time.Duration) {
	b.Helper()
	r.git("branch", "-q", "by-hand", "main")
	for _, name := range names {
		began := time.Now()
		tip := r.git("rev-parse", "by-hand")
		r.git("merge-base", tip, "wt/"+name)
		tree := strings.Fields(r.git("merge-tree", "--write-tree", tip, "wt/"+name))[0]
		commit := r.git("commit-tree", tree, "-p", tip, "-p", "wt/"+name, "-m", "merge")
		r.git("update-ref", "refs/heads/by-hand", commit, tip)
		all = append(all, time.Since(began))
	}
	return all
}

// landSerially has each server land its share, one call after the other.
func landSerially(b *testing.B, servers []*server, names []string) (all []time.Duration) {
	b.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for i, s := range servers {
		group.Go(func() {
			for n := i; n < len(names); n += len(servers) {
				began := time.Now()
				s.must(b, "worktree_merge", args{"name": names[n]})
				mu.Lock()
				all = append(all, time.Since(began))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

// total is how long calls took that so many made side by side.
func total(all []time.Duration, beside int) (seconds float64) {
	for _, d := range all {
		seconds += d.Seconds()
	}
	return seconds / float64(beside)
}
