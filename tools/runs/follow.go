package runs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
)

// ProgressPause is the least time between two words of progress.
const ProgressPause = 250 * time.Millisecond

// Follow waits for the end of a run, or for news where that is not nil, and says
// meanwhile how it goes.
func (r Runner) Follow(ctx context.Context, id string, d time.Duration, news func() bool) {
	deadline, began := time.Now().Add(d), time.Now()
	for {
		left := time.Until(deadline)
		if left <= 0 || ctx.Err() != nil {
			return
		}
		if r.Progress == nil {
			r.Jobs.Wait(ctx, id, left, news)
			return
		}
		r.Jobs.Wait(ctx, id, min(left, ProgressPause), news)
		run, err := r.Jobs.Get(id)
		if err != nil || run.Over() && !r.Jobs.Going(id) || ctx.Err() != nil || news != nil && news() {
			return
		}
		if log, err := r.Jobs.Log(run); err == nil {
			line := state.Clip(state.Visible(log.LastLine()), 200)
			r.Progress(time.Since(began).Seconds(), strings.TrimSpace(fmt.Sprintf("%.0f s %s", run.Seconds(time.Now()), line)))
		}
	}
}
