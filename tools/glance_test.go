package tools

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Nobody is answered from before it asked, and many who ask at once share a look.
func TestGlancesAreFresh(t *testing.T) {
	t.Parallel()
	var s glances[int64]
	var clock, looks atomic.Int64
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			for range 20 {
				asked := clock.Add(1)
				seen, err := s.get(t.Context(), "key", func(context.Context) (int64, error) {
					looks.Add(1)
					time.Sleep(100 * time.Microsecond) // others ask meanwhile
					return clock.Add(1), nil
				})
				if err != nil || seen <= asked {
					t.Errorf("asked at %d, seen at %d: %v", asked, seen, err)
				}
			}
		})
	}
	group.Wait()
	require.Less(t, looks.Load(), int64(200*20))
}

// One who gives up keeps nobody from what the look finds.
func TestGlanceOutlivesWhoAsked(t *testing.T) {
	t.Parallel()
	var s glances[int]
	ctx, cancel := context.WithCancel(t.Context())
	began, end := make(chan bool), make(chan bool)
	first := make(chan int)
	go func() {
		out, _ := s.get(ctx, "key", func(ctx context.Context) (int, error) {
			began <- true
			<-end
			return 1, ctx.Err()
		})
		first <- out
	}()
	<-began
	second := make(chan int)
	go func() {
		out, err := s.get(t.Context(), "key", func(context.Context) (int, error) { return 2, nil })
		if err != nil {
			out = -1
		}
		second <- out
	}()
	cancel()
	end <- true
	require.Equal(t, 2, <-second)
	<-first
}
