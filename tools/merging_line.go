package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/gate"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/queue"
	"wt-mcp/tools/rules"
)

// entrant is a landing that waits for its turn at the target, as other processes see
// it. It holds no claim, but what claim its own process has seen the proof of.
type entrant struct {
	Land  ops.Land `json:"land"`
	Actor string   `json:"actor"`
	Claim int64    `json:"claim,omitempty"`
	Words words    `json:"words"`
	Gate  string   `json:"gate"` // what it must pass: gate.Gate.Hash

	gate *gate.Gate // of this process
}

// alone reports a landing that does not go into a chain.
func (e entrant) alone() bool { return e.Land.Undo != nil || e.Land.Again != nil }

// fate is what became of it.
type fate struct {
	Landed  *ops.Landed `json:"landed,omitempty"`
	Commits int         `json:"commits,omitempty"`
	Nothing string      `json:"nothing,omitempty"` // how the target has the work already
	Check   string      `json:"check,omitempty"`   // how the checks went
	Refusal *refusedAs  `json:"refusal,omitempty"`
}

// refusedAs is an error on its way to another process.
type refusedAs struct {
	Code    state.Code     `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
	Details map[string]any `json:"details,omitempty"`

	err error // in this process
}

func refusedBy(err error) *refusedAs {
	r := &refusedAs{Code: state.CodeOf(err), Message: err.Error(), err: err}
	var known *state.Error
	if errors.As(err, &known) {
		r.Message, r.Hint, r.Details = known.Error(), known.Hint, known.Details
	}
	return r
}

func (r *refusedAs) error() error {
	if r.err != nil {
		return r.err
	}
	return &state.Error{Code: r.Code, Message: r.Message, Hint: r.Hint, Details: r.Details}
}

type (
	waiting = queue.Item[entrant, fate]
	line    = queue.Line[entrant, fate]
)

// lines are the queues before the targets, as this process stands in them.
type lines struct {
	mu   sync.Mutex
	open map[string]*line
}

// line is the queue before a target: whoever has the turn lands all that wait.
func (b *Board) line(target string) *line {
	l := &b.shared.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[target] == nil {
		if l.open == nil {
			l.open = map[string]*line{}
		}
		hash := sha256.Sum256([]byte(target))
		dir := filepath.Join(b.Git.Private(), "land", hex.EncodeToString(hash[:8]))
		own := b.For(Caller{})
		l.open[target] = queue.Open(dir, b.Git.Sharing(), func(ctx context.Context, batch []*waiting) time.Duration {
			t := &turn{Board: own, target: target}
			t.work(ctx, batch)
			return t.rest
		})
	}
	return l.open[target]
}

// enter has a landing done, by whoever has the turn at its target.
func (m *merging) enter(ctx context.Context, ask ops.Land, w words) (fate, error) {
	e, err := m.entrant(ctx, ask, w)
	if err != nil {
		return fate{}, err
	}
	f, err := m.line(m.target.Ref).Do(ctx, e, m.came)
	switch {
	case err != nil && ctx.Err() != nil:
		return f, &state.Error{Code: state.Cancelled, Message: "the landing of " + m.at.Name + " was cancelled; nothing was changed", Err: err}
	case err != nil:
		return f, &state.Error{Code: state.Internal, Message: "stand in line before " + m.target.Branch(), Err: err, Hint: ops.SystemHint(err, "nothing was changed; repeat the call")}
	case f.Refusal != nil:
		return f, f.Refusal.error()
	}
	return f, nil
}

// entrant puts a landing into words that another process can act by.
func (m *merging) entrant(ctx context.Context, ask ops.Land, w words) (entrant, error) {
	g, err := m.gate()
	if err != nil {
		return entrant{}, err
	}
	if g.Progress = m.phase; g.Settings.ChecksWait {
		m.out.Notes = append(m.out.Notes, fmt.Sprintf("the checks that %s names now are not approved: those that were approved last hold, if any, until the user runs, in %s: wt-mcp trust",
			config.RepositoryFile, m.Git.Root()))
	}
	own := m.rules()
	ask.By, ask.Words = &own, w.say
	e := entrant{Land: ask, Actor: m.Actor, Words: w, Gate: g.Hash(), gate: &g}
	if ask.Worktree.TaskID == nil {
		return e, nil
	}
	err = m.State.View(ctx, func(v *state.View) error {
		right, err := own.Look(v, *ask.Worktree.TaskID, ask.Claim)
		if e.Claim = 0; right.Held {
			e.Claim = right.Claim.Number
		}
		if state.CodeOf(err) == state.NotFound {
			err = nil
		}
		return err
	})
	return e, err
}

// asked is a landing as whoever has the turn does it.
func (b *Board) asked(it *waiting) ops.Land {
	land := it.In.Land
	if land.By == nil { // of another process
		land.By = &rules.Rules{Actor: it.In.Actor, Held: &rules.Held{}, Run: b.rules().Run, Vouched: it.In.Claim}
		land.Words = it.In.Words.say
	}
	return land
}

// gate is what has to be passed, by the configuration as it is now.
func (b *Board) gate() (gate.Gate, error) {
	set, err := b.Config.Load()
	if err != nil {
		return gate.Gate{}, &state.Error{Code: state.Corrupt, Message: err.Error(), Hint: "mend the configuration file; nothing was changed"}
	}
	return gate.Gate{Git: b.Git, State: b.State, Jobs: b.Runs.Jobs, Settings: set, Env: b.Env, Actor: b.Actor}, nil
}
