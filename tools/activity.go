package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/disk"
)

// sizesFor is how long a size that was counted stands before it is counted anew.
const sizesFor = 10 * time.Minute

// sized is what a worktree took on disk when that was counted.
type sized struct {
	Bytes   int64   `json:"bytes"`
	At      float64 `json:"at"`
	AtLeast bool    `json:"at_least,omitempty"`
}

const sizesFile = "sizes.json"

// sizes reads what was counted last, by path. A cache that cannot be read is empty.
func (b *Board) sizes() map[string]sized {
	found := map[string]sized{}
	data, err := b.State.ReadCache(sizesFile)
	if err != nil || json.Unmarshal(data, &found) != nil {
		return map[string]sized{}
	}
	return found
}

// measure counts behind the answers what live worktrees take, those that nobody
// counted for a while, unless this process or another one is about it.
func (b *Board) measure() {
	if b.ReadOnly || !b.shared.measuring.CompareAndSwap(false, true) {
		return
	}
	b.shared.background.Go(func() {
		defer b.shared.measuring.Store(false)
		ctx, cancel := b.untilClosing()
		defer cancel()
		if err := b.count(ctx); err != nil && ctx.Err() == nil {
			b.Log.Warn("count what worktrees take", "error", err)
		}
	})
}

func (b *Board) count(ctx context.Context) error {
	var live []state.Worktree
	err := b.State.View(ctx, func(v *state.View) error {
		live = nil
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() && b.Git.CheckWorktree(w.Path) == nil {
				live = append(live, w)
			}
		}
		return err
	})
	if err != nil || !b.due(live, b.sizes()) {
		return err
	}
	unlock, err := b.State.TryLock(sizesFile + ".lock")
	if errors.Is(err, state.ErrLockHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	known, now := b.sizes(), map[string]sized{}
	for _, w := range live {
		if s, ok := known[w.Path]; ok && fresh(s) {
			now[w.Path] = s
		} else if u, err := disk.Of(ctx, w.Path); err == nil {
			now[w.Path] = sized{Bytes: u.Bytes, AtLeast: u.AtLeast, At: b.State.Now()}
		}
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return b.State.WriteCache(sizesFile, data)
}

func (b *Board) due(live []state.Worktree, known map[string]sized) bool {
	for _, w := range live {
		if s, ok := known[w.Path]; !ok || !fresh(s) {
			return true
		}
	}
	return false
}

func fresh(s sized) bool { return time.Since(state.Time(s.At)).Abs() < sizesFor }

// seconds is how long something is ago, to the millisecond and never zero.
func seconds(d time.Duration) float64 {
	return max(d.Round(time.Millisecond), time.Millisecond).Seconds()
}

// lastActivity is when somebody last did something in a worktree, as far as the
// board, its runs and git tell.
func (b *Board) lastActivity(w state.Worktree, runs map[string]float64) time.Time {
	last, _ := b.Git.Touched(w.Path)
	for _, at := range []float64{w.CreatedAt, w.KeptAt, runs[strings.ToLower(w.Name)]} {
		if t := state.Time(at); t.After(last) {
			last = t
		}
	}
	return last
}

// size is a number of bytes for people.
func size(bytes int64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, units := float64(bytes)/1000, []string{"kB", "MB", "GB", "TB"}
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %s", value, units[0])
	}
	return fmt.Sprintf("%.0f %s", value, units[0])
}
