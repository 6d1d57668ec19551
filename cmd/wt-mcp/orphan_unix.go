//go:build unix

package main

import (
	"context"
	"os"
	"time"
)

// orphaned ends the context once the process that started this one is gone: its
// children may hold our input open, which then never ends.
func orphaned(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	if parent == 1 { // we were let go of on purpose
		return ctx, cancel
	}
	go func() {
		look := time.NewTicker(500 * time.Millisecond)
		defer look.Stop()
		for os.Getppid() == parent {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	return ctx, cancel
}
