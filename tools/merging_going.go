package tools

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"wt-mcp/state"
)

// going is a landing that goes on behind the calls that ask for it: a call that has
// waited long enough is answered, and the same call again goes on waiting. It ends with
// this process; then the same call begins it anew.
type going struct {
	in     wish           // without what differs from call to call
	head   string         // of the lane, when it began
	began  MergedWorktree // what was known then
	cancel context.CancelFunc
	done   chan struct{} // closed when out and err are there

	out MergedWorktree
	err error

	mu    sync.Mutex
	phase string
}

// goings are the landings of this process that nobody was told the end of, by lane.
type goings struct {
	mu     sync.Mutex
	byLane map[string]*going
}

// same is what tells landings apart.
func (w wish) same() wish {
	w.wait, w.claim, w.message = 0, state.Token{}, ""
	if w.undo != "" {
		w.strategy = state.StrategyUndo
	}
	return w
}

// again are the arguments of the call that asks for it once more.
func (w wish) again() state.Fields {
	args := state.Fields{"name": w.name}
	for name, value := range map[string]string{"target": w.target, "undo": w.undo} {
		if value != "" {
			args[name] = value
		}
	}
	for name, value := range map[string]bool{"complete_task": w.complete, "remove": w.remove} {
		if value {
			args[name] = true
		}
	}
	if w.undo == "" {
		args["strategy"] = w.strategy
	}
	return args
}

func (g *going) tell(phase string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.phase = phase
}

func (g *going) now() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.phase
}

func (g *going) over() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// findGoing finds the landing that a call asks for again. What ended meanwhile counts only
// where the lane is as it was.
func (b *Board) findGoing(ctx context.Context, in wish) (*going, error) {
	l := &b.shared.goings
	l.mu.Lock()
	g := l.byLane[strings.ToLower(in.name)]
	l.mu.Unlock()
	if g == nil || in.dry {
		return nil, nil
	}
	if !g.over() {
		return g, g.matches(in)
	}
	if g.in != in.same() || g.in.undo == "" && !g.out.Removed && b.laneMoved(ctx, in.name, g.head) {
		b.forget(g)
		return nil, nil
	}
	return g, nil
}

func (g *going) matches(in wish) error {
	if g.in == in.same() {
		return nil
	}
	return state.Errorf(state.Busy, fmt.Sprintf(`call worktree_merge {"name":%q} with the arguments of then to wait for it`, in.name),
		"another landing of %s goes on: %s", in.name, g.now())
}

// laneMoved reports whether a lane is elsewhere than it was, or cannot be looked at.
func (b *Board) laneMoved(ctx context.Context, name, head string) bool {
	at, err := b.see(ctx, name)
	if err != nil {
		return true
	}
	status, err := b.Git.Status(ctx, at.Path)
	return err != nil || status.Head != head || len(status.Changed()) > 0
}

func (b *Board) forget(g *going) {
	l := &b.shared.goings
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := strings.ToLower(g.in.name); l.byLane[key] == g {
		delete(l.byLane, key)
	}
}

// goOn lets a landing go on by itself, unless one of that lane does so already, and
// waits for it for a while.
func (b *Board) goOn(ctx context.Context, m *merging, land func(context.Context) error) (MergedWorktree, error) {
	g, err := b.begin(m, land)
	return b.attend(ctx, g, m.in.wait, m.afterCommit(err))
}

func (b *Board) begin(m *merging, land func(context.Context) error) (*going, error) {
	l := &b.shared.goings
	l.mu.Lock()
	defer l.mu.Unlock()
	key := strings.ToLower(m.in.name)
	if g := l.byLane[key]; g != nil && !g.over() {
		return g, g.matches(m.in)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &going{in: m.in.same(), head: m.status.Head, began: m.out, cancel: cancel, done: make(chan struct{}), phase: "waiting for the turn at " + m.target.Branch()}
	m.phase = g.tell
	if l.byLane == nil {
		l.byLane = map[string]*going{}
	}
	l.byLane[key] = g
	b.shared.background.Go(func() {
		defer close(g.done)
		g.err = m.afterCommit(land(ctx))
		g.out = m.out
	})
	go func() {
		defer cancel()
		select {
		case <-b.shared.closing:
		case <-g.done:
		}
	}()
	return g, nil
}

// landingWait is how long a call waits. One that its process makes alone waits to the end:
// what it began would end with it.
func (b *Board) landingWait(seconds *float64) time.Duration {
	if b.Waiting && seconds == nil {
		const day = 24 * time.Hour
		return day
	}
	return waitTime(seconds)
}

// attend waits for a landing, for a while. A call that is given up while it waits gives
// the landing up, if that is still to be had.
func (b *Board) attend(ctx context.Context, g *going, wait time.Duration, against error) (MergedWorktree, error) {
	if against != nil {
		return MergedWorktree{}, against
	}
	began, tick := time.Now(), time.NewTicker(time.Second)
	defer tick.Stop()
	limit := time.NewTimer(wait)
	defer limit.Stop()
	for {
		select {
		case <-g.done:
			b.forget(g)
			return g.out, g.err
		case <-ctx.Done():
			g.cancel()
			<-g.done
			b.forget(g)
			return g.out, g.err
		case <-limit.C:
			return b.checking(g), nil
		case <-tick.C:
			if b.Progress != nil {
				b.Progress(time.Since(began).Seconds(), g.now())
			}
		}
	}
}

// checking is the answer to a call that did not wait to the end.
func (b *Board) checking(g *going) MergedWorktree {
	out := g.began
	out.Status, out.Check, out.again = statusChecking, g.now(), g.in.again()
	return out
}
