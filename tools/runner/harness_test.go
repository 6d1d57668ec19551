package runner

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain is the supervisor, where a test starts one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == SuperviseCommand {
		if Supervise(os.Stdin, os.Stdout, func(Record) {}) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// board is where a test's runs are, and hears of their ends.
type board struct {
	*Jobs
	mu    sync.Mutex
	ended []string
}

func newBoard(t testing.TB) *board {
	b := &board{}
	b.Jobs = NewJobs(t.TempDir()+"/wt-mcp/runs", func(r *Record, doubt bool) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ended = append(b.ended, r.ID)
		return nil
	})
	t.Cleanup(b.Close)
	return b
}

func (b *board) told(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(b.ended), func(e string) bool { return e != id }))
}

func (b *board) begin(t testing.TB, s Spec) *Run {
	t.Helper()
	run, err := b.Start(t.Context(), s, always)
	require.NoError(t, err)
	return run
}

func (b *board) get(t testing.TB, id string) Record {
	t.Helper()
	r, err := b.Get(id)
	require.NoError(t, err)
	return r
}

func (b *board) text(t testing.TB, id string) string {
	t.Helper()
	log, err := b.Log(b.get(t, id))
	require.NoError(t, err)
	e, err := log.Brief(id, 8000)
	require.NoError(t, err)
	return e.Text
}

// Result is what a run comes to.
type Result struct {
	Status      Status
	ExitCode    int
	Output      string
	OutputBytes int64
	Duration    time.Duration
}

// runOn runs s to its end; ctx stops it.
func (b *board) runOn(ctx context.Context, s Spec) (Result, error) {
	run, err := b.Start(context.WithoutCancel(ctx), s, always)
	if err != nil {
		return Result{}, err
	}
	select {
	case <-run.Done:
	case <-ctx.Done():
		if _, err := b.Stop(context.WithoutCancel(ctx), s.ID, "test"); err != nil {
			return Result{}, err
		}
	}
	r, err := b.Get(s.ID)
	if err != nil {
		return Result{}, err
	}
	log, err := b.Log(r)
	if err != nil {
		return Result{}, err
	}
	e, err := log.Brief(s.ID, 8000)
	return Result{r.Status, r.ExitCode, e.Text, r.OutputBytes, time.Duration(r.Duration * float64(time.Second))}, err
}

// always admits a run.
func always() error { return nil }
