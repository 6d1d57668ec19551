//go:build linux

package torture_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariant 10, as a figure: how long other processes wait for the board while
// one checks out a large repository. It fails on no time; that calls go through
// at all while the checkout goes on is checked.
func TestLatencyWhileALargeWorktreeIsCreated(t *testing.T) {
	files := either(20_000, 100_000)
	r := newRepo(t)
	r.importFiles(files)
	servers := r.opens(2)
	alone := latencies(servers[1], 200, nil)
	created := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		servers[0].must(t, "worktree_create", args{"name": "large", "base_ref": "large"})
		created <- time.Since(began)
	}()
	beside := latencies(servers[1], 1<<20, created)
	took := <-created
	r.close(servers...)
	require.NotEmpty(t, beside)
	t.Logf("task_create alone: %s", summary(alone))
	t.Logf("task_create beside a checkout of %d files (%v): %s", files, took.Round(time.Millisecond), summary(beside))
	o := r.requireSound("large")
	require.Len(t, o.tasks, len(alone)+len(beside))
}

// importFiles puts a commit of many small files on branch large, with none of
// them in the main checkout.
func (r *repo) importFiles(n int) {
	r.t.Helper()
	var in strings.Builder
	in.WriteString("blob\nmark :1\ndata 200\n" + strings.Repeat("0123456789", 20) + "\n")
	in.WriteString("commit refs/heads/large\ncommitter Test Author <author@example.com> 1700000000 +0000\ndata 5\nlarge\n")
	for i := range n {
		fmt.Fprintf(&in, "M 100644 :1 dir%04d/file%06d.txt\n", i/100, i)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(in.String())
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "%s", out)
}

// latencies makes calls, at most so many, until the other call is done.
func latencies(s *server, most int, done chan time.Duration) (all []time.Duration) {
	for len(all) < most {
		began := time.Now()
		if out, err := s.call("task_create", args{"subject": "beside"}); err != nil || out.Code != "" {
			return all
		}
		all = append(all, time.Since(began))
		if len(done) > 0 {
			return all
		}
	}
	return all
}

func summary(all []time.Duration) string {
	sorted := slices.Sorted(slices.Values(all))
	at := func(q float64) time.Duration {
		return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d calls, p50 %v, p99 %v, max %v", len(all), at(0.5), at(0.99), at(1))
}
