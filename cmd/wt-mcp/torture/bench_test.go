//go:build linux

package torture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkTools measures calls over stdio beside the floor that the disk sets:
// append the bytes that the call adds to the board and flush them, in the same
// run and on the same disk. The floor has one writer for one process and as many
// writers, each with a file of its own, for several.
func BenchmarkTools(b *testing.B) {
	for _, tool := range []string{"task_create", "task_update"} {
		for _, processes := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", tool, processes), func(b *testing.B) { benchmark(b, tool, processes) })
		}
	}
}

// BenchmarkPing is what a call costs that does nothing: pipes, JSON, two processes.
func BenchmarkPing(b *testing.B) {
	r := newRepo(b)
	s := r.open()
	for b.Loop() {
		_, err := s.request("ping", args{})
		require.NoError(b, err)
	}
	r.close(s)
}

func benchmark(b *testing.B, tool string, processes int) {
	r := newRepo(b)
	servers := r.opens(processes)
	ids := make([]int, processes)
	for i, s := range servers {
		ids[i] = as[task](s.must(b, "task_create", args{"subject": "to be updated"})).ID
	}
	bytes := r.bytesOf(b, servers[0], tool, ids[0])
	b.ResetTimer()
	share(b, processes, func(i, n int) {
		servers[i].must(b, tool, arguments(tool, ids[i], n))
	})
	b.StopTimer()
	perCall := b.Elapsed() / time.Duration(b.N)
	floor := r.floor(b, processes, bytes) / time.Duration(b.N)
	b.ReportMetric(float64(time.Second/perCall), "calls/s")
	b.ReportMetric(float64(floor.Microseconds()), "floor-µs/op")
	b.ReportMetric(float64(perCall)/float64(floor), "x-floor")
	r.close(servers...)
}

func arguments(tool string, id, n int) args {
	if tool == "task_create" {
		return args{"subject": fmt.Sprintf("task %d", n)}
	}
	return args{"task_id": id, "owner": fmt.Sprintf("owner-%d", n)}
}

// share divides b.N calls among the processes.
func share(b *testing.B, processes int, call func(i, n int)) {
	var group sync.WaitGroup
	var next atomic.Int64
	for i := range processes {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				call(i, int(n))
			}
		})
	}
	group.Wait()
}

// bytesOf is how much a call writes to the journal, about: the task and its event.
func (r *repo) bytesOf(b *testing.B, s *server, tool string, id int) int {
	log := func() int64 {
		info, err := os.Stat(r.path(".worktrees", "events.jsonl"))
		require.NoError(b, err)
		return info.Size()
	}
	before := log()
	out := s.must(b, tool, arguments(tool, id, 0))
	return int(log()-before) + len(out.Value)
}

// floor is the time of the same number of appends and flushes.
func (r *repo) floor(b *testing.B, writers, bytes int) time.Duration {
	files := make([]*os.File, writers)
	for i := range files {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(r.dir), fmt.Sprintf("floor-%d", i)), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		require.NoError(b, err)
		defer f.Close()
		files[i] = f
	}
	block := make([]byte, bytes)
	began := time.Now()
	share(b, writers, func(i, _ int) {
		_, _ = files[i].Write(block)
		_ = syscall.Fdatasync(int(files[i].Fd()))
	})
	return time.Since(began)
}
