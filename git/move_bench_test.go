package git

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// A lane of ten files comes into a checkout of 20,000: by a move, and by git merge
// there. "held" is how long git's lock on the index was there, in ms.
func BenchmarkMoveIntoACheckout(b *testing.B) {
	g, r := newRepo(b, gittest.Files(20_000))
	for name, once := range map[string]func(lane string, n int){
		"git-merge": func(lane string, n int) { g.Git("merge", "-q", "--no-ff", "-m", "land", lane) },
		"move": func(lane string, n int) {
			op := fmt.Sprintf("op-%d", n)
			lock, err := r.LockTarget(b.Context(), "main", op)
			require.NoError(b, err)
			defer lock.Unlock()
			tree := g.Git("merge-tree", "--write-tree", lock.Head, lane)
			commit := g.Git("commit-tree", "-p", lock.Head, "-p", lane, "-m", "land", tree)
			_, err = r.Move(b.Context(), Move{Ref: lock.Ref, Old: lock.Head, New: commit, Op: op, Reason: op, Inherit: []*os.File{lock.File}})
			require.NoError(b, err)
		},
	} {
		b.Run(name, func(b *testing.B) {
			var held time.Duration
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				lane := benchLane(g, fmt.Sprintf("%s-%d-%d", name, b.N, n))
				time.Sleep(indexRest)
				stop := heldFor(filepath.Join(g.Dir, ".git", "index.lock"))
				b.StartTimer()
				once(lane, n)
				b.StopTimer()
				held += stop()
				b.StartTimer()
			}
			b.ReportMetric(float64(held.Microseconds())/1000/float64(b.N), "held-ms/op")
		})
	}
}

// benchLane makes a commit on main's that changes ten files, in a worktree of its own.
func benchLane(g *gittest.Repo, name string) string {
	dir := filepath.Join(filepath.Dir(g.Dir), "lane")
	if _, err := os.Stat(dir); err != nil {
		g.Git("worktree", "add", "-q", "--detach", dir)
	}
	g.GitIn(dir, "reset", "-q", "--hard", "main")
	for i := range 10 {
		g.Write(filepath.Join(dir, fmt.Sprintf("dir%03d/file%05d.txt", i, i*100)), name)
	}
	g.GitIn(dir, "commit", "-q", "-a", "-m", name)
	return g.GitIn(dir, "rev-parse", "HEAD")
}

// heldFor watches a lock file.
func heldFor(name string) (stop func() time.Duration) {
	end, total := make(chan struct{}), make(chan time.Duration)
	go func() {
		var held time.Duration
		last := time.Now()
		for {
			select {
			case <-end:
				total <- held
				return
			case <-time.After(200 * time.Microsecond):
			}
			now := time.Now()
			if exists(name) {
				held += now.Sub(last)
			}
			last = now
		}
	}()
	return func() time.Duration { close(end); return <-total }
}
