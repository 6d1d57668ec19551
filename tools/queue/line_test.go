package queue

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state/osfs"
)

type (
	line = Line[int, int]
	item = Item[int, int]
)

func place(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return filepath.Join(dir, "wt-mcp", "land", "main")
}

// join makes a line in dir. Two of them are as two processes: a lock belongs to the
// open file.
func join(dir string, work func(context.Context, []*item)) *line {
	return Open(dir, osfs.Sharing{}, func(ctx context.Context, batch []*item) time.Duration { work(ctx, batch); return 0 })
}

func do(t *testing.T, l *line, in int) <-chan int {
	t.Helper()
	got := make(chan int, 1)
	go func() {
		out, err := l.Do(context.Background(), in)
		if err != nil {
			out = -1
		}
		got <- out
	}()
	return got
}

func settleAll(batch []*item) {
	for _, it := range batch {
		if it.Take() {
			_ = it.Settle(it.In * 10)
		}
	}
}

// What comes while one has the turn is done by the next one at once, of whatever
// process it is.
func TestWhatWaitsIsDoneTogether(t *testing.T) {
	t.Parallel()
	dir := place(t)
	var mu sync.Mutex
	var batches [][]int
	began, finish := make(chan bool, 9), make(chan bool)
	work := func(_ context.Context, batch []*item) {
		var in []int
		for _, it := range batch {
			in = append(in, it.In)
		}
		mu.Lock()
		batches = append(batches, in)
		mu.Unlock()
		began <- true
		<-finish
		settleAll(batch)
	}
	a, b, c := join(dir, work), join(dir, work), join(dir, work)
	results := []<-chan int{do(t, a, 1)}
	<-began
	for i, l := range []*line{b, c, a, b, c} {
		results = append(results, do(t, l, i+2))
	}
	require.Eventually(t, func() bool { // those of the other processes have tickets
		names, err := b.names()
		return err == nil && len(names[waitSuffix]) == 4
	}, 5*time.Second, time.Millisecond)
	close(finish)
	for i, r := range results {
		require.Equal(t, (i+1)*10, <-r)
	}
	total, seen := 0, []int{}
	for _, in := range batches {
		total += len(in)
		seen = append(seen, in...)
	}
	slices.Sort(seen)
	require.Equal(t, []int{1, 2, 3, 4, 5, 6}, seen, "each once")
	require.LessOrEqual(t, len(batches), 3, "1 alone, then what waited; what came in that moment may be another one")
	requireEmpty(t, dir)
}

// requireEmpty: a line that is at rest has no file but its turn.
func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	require.Eventually(t, func() bool {
		names, err := os.ReadDir(dir)
		return err == nil && len(names) == 1 && names[0].Name() == turnName
	}, 5*time.Second, 5*time.Millisecond)
}

// Many of several processes: each is done once, one turn at a time.
func TestEachIsDoneOnce(t *testing.T) {
	t.Parallel()
	dir := place(t)
	var turns, most atomic.Int32
	var mu sync.Mutex
	done := map[int]int{}
	work := func(_ context.Context, batch []*item) {
		most.Store(max(most.Load(), turns.Add(1)))
		defer turns.Add(-1)
		for i, it := range batch {
			if i%3 == 2 { // waits on
				continue
			}
			if it.Take() {
				mu.Lock()
				done[it.In]++
				mu.Unlock()
				_ = it.Settle(it.In * 10)
			}
		}
	}
	var lines []*line
	for range 4 {
		lines = append(lines, join(dir, work))
	}
	var results []<-chan int
	for i := range 80 {
		results = append(results, do(t, lines[i%4], i))
	}
	for i, r := range results {
		require.Equal(t, i*10, <-r)
	}
	require.EqualValues(t, 1, most.Load())
	require.Len(t, done, 80)
	for in, times := range done {
		require.Equal(t, 1, times, in)
	}
	requireEmpty(t, dir)
}

// Who gives up is withdrawn until it is taken, and gets its outcome after that.
func TestWithdrawal(t *testing.T) {
	t.Parallel()
	dir := place(t)
	began, finish, took := make(chan bool), make(chan bool), make(chan bool)
	work := func(ctx context.Context, batch []*item) {
		began <- true
		<-finish
		settled := false
		for _, it := range batch {
			settled = it.Take() || settled
		}
		if settled {
			took <- true
			<-finish
		}
		settleAll(batch)
	}
	a, b := join(dir, work), join(dir, work)
	first := do(t, a, 1)
	<-began
	for _, l := range []*line{a, b} {
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
		defer cancel()
		_, err := l.Do(ctx, 2)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	finish <- true
	<-took
	finish <- true
	require.Equal(t, 10, <-first)

	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan int)
	go func() {
		out, err := a.Do(ctx, 3)
		if err != nil {
			out = -1
		}
		late <- out
	}()
	<-began
	finish <- true
	<-took
	cancel()
	select {
	case <-late:
		t.Fatal("it was taken")
	case <-time.After(30 * time.Millisecond):
	}
	finish <- true
	require.Equal(t, 30, <-late)
	requireEmpty(t, dir)
}

// Work that nobody waits for any more ends.
func TestWorkEndsWithThoseWhoWait(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	l := join(place(t), func(ctx context.Context, _ []*item) {
		<-ctx.Done()
		ended <- ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := l.Do(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, <-ended, context.Canceled)
}

// One who took something and died: the next one is told so, and settles it.
func TestTakenByOneWhoDied(t *testing.T) {
	t.Parallel()
	dir := place(t)
	again := make(chan bool, 1)
	l := join(dir, func(_ context.Context, batch []*item) {
		again <- batch[0].Again
		settleAll(batch)
	})
	end, err := l.take() // the one who dies
	require.NoError(t, err)
	result := do(t, l, 7)
	require.Eventually(t, func() bool {
		names, err := l.names()
		return err == nil && len(names[waitSuffix]) == 1
	}, 5*time.Second, time.Millisecond)
	others, err := join(dir, nil).others(nil)
	require.NoError(t, err)
	require.Len(t, others, 1)
	require.True(t, others[0].Take())
	others[0].file.close()
	end()
	require.True(t, <-again)
	require.Equal(t, 70, <-result)
	requireEmpty(t, dir)
}

// A ticket whose process died is nobody's, and what is no ticket is left alone.
func TestTicketsOfTheDead(t *testing.T) {
	t.Parallel()
	dir := place(t)
	l := join(dir, func(_ context.Context, batch []*item) { settleAll(batch) })
	require.Equal(t, 10, <-do(t, l, 1))
	old := time.Now().Add(-time.Hour)
	for name, content := range map[string]string{"1.wait": "5", "2.taken": "5", "3.out": "5", "4.new": "5", "5.wait": "{broken"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), old, old))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "6.wait")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "7.wait"), []byte("7"), 0o600)) // may be about to be locked
	require.Equal(t, 20, <-do(t, l, 2))
	var left []string
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.Equal(t, []string{"6.wait", "7.wait", turnName}, left)
}

// Between two pieces of work the turn rests where something waits, and only there.
func TestRest(t *testing.T) {
	t.Parallel()
	const rest = 200 * time.Millisecond
	gate := make(chan bool)
	l := Open(place(t), osfs.Sharing{}, func(_ context.Context, batch []*item) time.Duration {
		<-gate
		settleAll(batch)
		return rest
	})
	first := do(t, l, 1)
	require.Eventually(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.waiting) == 1 }, time.Second, time.Millisecond)
	time.Sleep(5 * time.Millisecond)
	second := do(t, l, 2)
	require.Eventually(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.waiting) == 2 }, time.Second, time.Millisecond)
	close(gate)
	require.Equal(t, 10, <-first)
	began := time.Now()
	require.Equal(t, 20, <-second)
	require.GreaterOrEqual(t, time.Since(began), rest/2)
	began = time.Now()
	require.Equal(t, 30, <-do(t, l, 3))
	require.Less(t, time.Since(began), 20*rest)
}

// Where there can be no line, everybody is told.
func TestLineThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := place(t)
	above := filepath.Dir(filepath.Dir(dir))
	require.NoError(t, os.Symlink(t.TempDir(), above))
	_, err := join(dir, nil).Do(t.Context(), 1)
	require.ErrorContains(t, err, "open queue")
}

// Who has the turn waits a moment for those that come, and not for one that stays away.
func TestGathering(t *testing.T) {
	var batches []int
	l := join(place(t), func(_ context.Context, batch []*item) {
		batches = append(batches, len(batch))
		settleAll(batch)
	})
	var group sync.WaitGroup
	for i := range 5 {
		came := l.Coming()
		group.Go(func() {
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			_, err := l.Do(context.Background(), i, came)
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.Equal(t, []int{5}, batches)
	l.Coming() // and never comes
	_, err := l.Do(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, []int{5, 1}, batches)
}
